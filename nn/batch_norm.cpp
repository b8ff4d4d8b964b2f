#include "nn/batch_norm.h"

#include <cmath>

#include "autograd/ops/batch_norm.h"
#include "nn/init.h"
#include "nn/layer_check.h"

namespace divvy::nn {

BatchNorm2d::BatchNorm2d(const BatchNorm2dOptions& options) : options_(options) {
  detail::require_positive("BatchNorm2d", "channels", options.channels);
  detail::require_experts("BatchNorm2d", options.experts);
  if (!(options.eps > 0) || !std::isfinite(options.eps)) {
    fail<ValueError>("BatchNorm2d: eps must be finite and positive, got {}", options.eps);
  }
  if (!(options.momentum >= 0 && options.momentum <= 1)) {
    fail<ValueError>("BatchNorm2d: momentum must be in [0, 1], got {}", options.momentum);
  }
  const Shape shape = detail::stack_shape(options.experts).concat({options.channels});
  weight_ = register_parameter("weight", Tensor::full(shape, 1, options.dtype), options.experts);
  bias_ = register_parameter("bias", Tensor::zeros(shape, options.dtype), options.experts);
  running_mean_ = register_buffer("running_mean", Tensor::zeros(shape, options.dtype));
  running_var_ = register_buffer("running_var", Tensor::full(shape, 1, options.dtype));
}

Rows BatchNorm2d::forward(const Rows& x) {
  BatchNormStatistics running{running_mean_.value(), running_var_.value()};
  return x.with(batch_norm(x.values(), weight_, bias_, running, is_training(), options_.momentum, options_.eps,
                           {x.segments().offsets, {}}));
}

void BatchNorm2d::reset(Generator&) {
  for (const Variable& one : {weight_, running_var_}) init::constant(one, 1);
  for (const Variable& zero : {bias_, running_mean_}) init::zeros(zero);
}

std::string BatchNorm2d::describe() const {
  return fmt::format("BatchNorm2d({}{})", options_.channels, detail::experts_text(options_.experts));
}

}  // namespace divvy::nn
