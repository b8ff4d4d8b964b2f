#pragma once

#include "nn/module.h"
#include "tensor/generator.h"

namespace divvy::nn {

struct Conv2dOptions {
  int64_t in = 0;
  int64_t out = 0;
  int64_t kernel = 0;  ///< kernel x kernel
  int64_t stride = 1;
  int64_t padding = 0;  ///< rows and columns of zeros on each side
  int64_t groups = 1;   ///< of channels that do not see each other; divides in and out
  bool bias = true;
  int64_t experts = 0;  ///< 0: a layer alone; E >= 1: the layers of E experts, stacked
  DType dtype = DType::f32;
};

/// A convolution [R, in, H, W] to [N, out, H', W'] with H' = (H + 2 padding - kernel) / stride + 1, rounded down; with
/// experts, row i is convolved with the filters of the expert whose segment it is in. Parameters: weight [out, in /
/// groups, kernel, kernel] and bias [out], with a leading axis [E] for experts.
class Conv2d : public Module {
 public:
  /// Draws the initial values (init::layer). Throws ValueError for sizes below 1, a negative padding and groups that do
  /// not divide the channels, DTypeError unless f32 or f64.
  Conv2d(const Conv2dOptions& options, Generator& generator);

  Rows forward(const Rows& x) final;
  Spec spec() const final { return Conv2dSpec{weight_, bias_, geometry(), precision()}; }
  std::string describe() const override;
  void reset(Generator& generator) override;

  const Conv2dOptions& options() const { return options_; }
  const Variable& weight() const { return weight_; }
  /// Undefined where there is none.
  const Variable& bias() const { return bias_; }

 private:
  Conv2dGeometry geometry() const { return {options_.stride, options_.padding, options_.groups}; }

  Conv2dOptions options_;
  Variable weight_, bias_;
};

}  // namespace divvy::nn
