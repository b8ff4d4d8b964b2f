#pragma once

#include <memory>

#include "nn/module.h"
#include "tensor/generator.h"

namespace divvy::nn {

/// y = relu(body(x) + shortcut(x)), or relu(body(x) + x) without a shortcut (He et al. 2016, "Deep residual learning
/// for image recognition"). Children: "body" and "shortcut". Throws ShapeError if their outputs have different shapes.
class Residual : public Module {
 public:
  /// Throws ValueError for a null body.
  explicit Residual(std::shared_ptr<Module> body, std::shared_ptr<Module> shortcut = nullptr);

  Rows forward(const Rows& x) override;

 private:
  std::shared_ptr<Module> body_, shortcut_;
};

/// The pre-activation form: y = body(a) + x with a = activation(x) (He et al. 2016, "Identity mappings in deep residual
/// networks"); with a shortcut, which a block that changes the shape needs, y = body(a) + shortcut(a) (Zagoruyko and
/// Komodakis 2016). Children: "activation", "body" and "shortcut"; errors as for Residual.
class PreactivatedResidual : public Module {
 public:
  /// Throws ValueError for a null activation or body.
  PreactivatedResidual(std::shared_ptr<Module> activation, std::shared_ptr<Module> body,
                       std::shared_ptr<Module> shortcut = nullptr);

  Rows forward(const Rows& x) override;

 private:
  std::shared_ptr<Module> activation_, body_, shortcut_;
};

struct ResidualBlockOptions {
  int64_t in = 0;
  int64_t out = 0;
  int64_t stride = 1;  ///< stride of the first convolution and of the shortcut
  bool preactivation = false;
  int64_t experts = 0;  ///< 0: a single block; E >= 1: the blocks of E experts, stacked
  DType dtype = DType::f32;
};

/// The block of two 3x3 convolutions with batch norm that both papers of He et al. use for small images: [R, in, H, W]
/// to [N, out, H', W'] with H' = (H - 1) / stride + 1, rounded down. Its shortcut is the identity or, if the shape
/// changes, a 1x1 convolution, followed by a batch norm in a Residual. No convolution has a bias. Initial values are
/// drawn for the convolutions of the body, then for that of the shortcut. Throws ValueError for sizes below 1.
std::shared_ptr<Module> residual_block(const ResidualBlockOptions& options, Generator& generator);

}  // namespace divvy::nn
