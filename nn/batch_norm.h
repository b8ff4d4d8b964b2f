#pragma once

#include "nn/module.h"
#include "tensor/generator.h"

namespace divvy::nn {

struct BatchNorm2dOptions {
  int64_t channels = 0;
  double eps = 1e-5;
  double momentum = 0.1;  ///< weight of the batch statistics in the running ones
  int64_t experts = 0;    ///< 0: a single layer; E >= 1: the layers of E experts, stacked
  DType dtype = DType::f32;
};

/// Batch normalization of the channels of [N, C, H, W] (or [N, C]): in training with the statistics of the batch, which
/// also update the running ones; in evaluation with the running ones. Each expert normalizes its own segment; an expert
/// without rows keeps its statistics, and one with a single value per channel in training uses its running ones.
/// autograd/ops/batch_norm.h has the formulas. Parameters: weight [C] (initially 1) and bias [C] (0); buffers:
/// running_mean [C] (0) and running_var [C] (1); all with a leading axis [E] for experts.
class BatchNorm2d : public Module {
 public:
  /// Throws ValueError for channels below 1, eps that is not positive and momentum outside [0, 1].
  explicit BatchNorm2d(const BatchNorm2dOptions& options);
  /// The same; the generator is not used, but all layers with parameters have such a constructor.
  BatchNorm2d(const BatchNorm2dOptions& options, Generator&) : BatchNorm2d(options) {}

  Rows forward(const Rows& x) final;
  Spec spec() const final { return SameShapeSpec{}; }
  std::string describe() const override;
  void reset(Generator& generator) override;

  const BatchNorm2dOptions& options() const { return options_; }
  const Variable& weight() const { return weight_; }
  const Variable& bias() const { return bias_; }
  const Tensor& running_mean() const { return running_mean_.value(); }
  const Tensor& running_var() const { return running_var_.value(); }

 private:
  BatchNorm2dOptions options_;
  Variable weight_, bias_, running_mean_, running_var_;
};

}  // namespace divvy::nn
