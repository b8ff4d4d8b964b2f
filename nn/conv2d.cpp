#include "nn/conv2d.h"

#include "autograd/ops/conv2d.h"
#include "nn/init.h"
#include "nn/layer_check.h"

namespace divvy::nn {

Conv2d::Conv2d(const Conv2dOptions& options, Generator& generator) : options_(options) {
  const auto& [in, out, kernel, stride, padding, groups, bias, experts, dtype] = options_;
  detail::require_positive("Conv2d", "in", in);
  detail::require_positive("Conv2d", "out", out);
  detail::require_positive("Conv2d", "kernel", kernel);
  detail::require_positive("Conv2d", "stride", stride);
  detail::require_positive("Conv2d", "groups", groups);
  detail::require_experts("Conv2d", experts);
  if (padding < 0) fail<ValueError>("Conv2d: padding must not be negative, got {}", padding);
  if (in % groups != 0 || out % groups != 0) {
    fail<ValueError>("Conv2d: {} groups must divide {} and {} channels", groups, in, out);
  }
  const Shape stack = detail::stack_shape(experts);
  weight_ =
      register_parameter("weight", Tensor::zeros(stack.concat({out, in / groups, kernel, kernel}), dtype), experts);
  if (bias) bias_ = register_parameter("bias", Tensor::zeros(stack.concat({out}), dtype), experts);
  reset(generator);
}

Rows Conv2d::forward(const Rows& x) {
  return x.with(conv2d(x.source(), weight_, bias_, geometry(), x.segments(), precision()));
}

void Conv2d::reset(Generator& generator) { init::layer(weight_, bias_, generator); }

std::string Conv2d::describe() const {
  std::string text = fmt::format("Conv2d({} -> {}, kernel {}", options_.in, options_.out, options_.kernel);
  if (options_.stride != 1) text += fmt::format(", stride {}", options_.stride);
  if (options_.padding != 0) text += fmt::format(", padding {}", options_.padding);
  if (options_.groups != 1) text += fmt::format(", {} groups", options_.groups);
  if (!options_.bias) text += ", no bias";
  return text + detail::experts_text(options_.experts) + ")";
}

}  // namespace divvy::nn
