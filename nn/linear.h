#pragma once

#include "nn/module.h"
#include "tensor/generator.h"

namespace divvy::nn {

struct LinearOptions {
  int64_t in = 0;
  int64_t out = 0;
  bool bias = true;
  int64_t experts = 0;  ///< 0: a layer alone; E >= 1: the layers of E experts, stacked
  DType dtype = DType::f32;
};

/// y = x W^T + b: [R, in] to [N, out]; with experts, row i is multiplied with W_e of the expert e whose segment it is
/// in. Parameters: weight [out, in] and bias [out], or [E, out, in] and [E, out].
class Linear : public Module {
 public:
  /// Draws the initial values (init::layer). Throws ValueError for sizes below 1 and DTypeError unless f32 or f64.
  Linear(const LinearOptions& options, Generator& generator);

  Rows forward(const Rows& x) final;
  Spec spec() const final { return LinearSpec{weight_, bias_, precision()}; }
  std::string describe() const override;
  void reset(Generator& generator) override;

  const LinearOptions& options() const { return options_; }
  const Variable& weight() const { return weight_; }
  /// Undefined where there is none.
  const Variable& bias() const { return bias_; }

 private:
  LinearOptions options_;
  Variable weight_, bias_;
};

}  // namespace divvy::nn
