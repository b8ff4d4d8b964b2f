#pragma once

#include <memory>

#include "nn/module.h"
#include "tensor/generator.h"

namespace divvy::nn {

/// y = relu(body(x) + shortcut(x)), or body(x) + x under the ReLU where there is no shortcut (He et al. 2016, "Deep
/// residual learning for image recognition"). Children: "body" and "shortcut". Throws ShapeError where the two
/// give different shapes.
class Residual : public Module {
 public:
  /// Throws ValueError for a null body.
  explicit Residual(std::shared_ptr<Module> body, std::shared_ptr<Module> shortcut = nullptr);

  Rows forward(const Rows& x) override;

 private:
  std::shared_ptr<Module> body_, shortcut_;
};

/// The form with activation first: y = body(a) + x with a = activation(x) (He et al. 2016, "Identity mappings in deep
/// residual networks"); with a shortcut y = body(a) + shortcut(a), since a block that changes the shape of its input
/// changes that of the activated one (Zagoruyko and Komodakis 2016). Children: "activation", "body" and "shortcut";
/// errors as for Residual.
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
  int64_t stride = 1;  ///< of the first convolution and of the shortcut
  bool preactivation = false;
  int64_t experts = 0;  ///< 0: a block alone; E >= 1: the blocks of E experts, stacked
  DType dtype = DType::f32;
};

/// The block of two 3x3 convolutions with batch norm that both papers use for small images: [R, in, H, W] to [N, out,
/// H', W'] with H' = (H - 1) / stride + 1, rounded down. Its shortcut is the input itself or, where the shape changes,
/// a 1x1 convolution, which has a batch norm of its own in the first form. No convolution has a bias. Draws the
/// convolutions of the body first, then that of the shortcut. Throws ValueError for sizes below 1.
std::shared_ptr<Module> residual_block(const ResidualBlockOptions& options, Generator& generator);

}  // namespace divvy::nn
