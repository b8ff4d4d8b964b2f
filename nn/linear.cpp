#include "nn/linear.h"

#include "autograd/ops/grouped_matmul.h"
#include "nn/init.h"
#include "nn/layer_check.h"

namespace divvy::nn {

Linear::Linear(const LinearOptions& options, Generator& generator) : options_(options) {
  detail::require_positive("Linear", "in", options.in);
  detail::require_positive("Linear", "out", options.out);
  detail::require_experts("Linear", options.experts);
  const Shape stack = detail::stack_shape(options.experts);
  weight_ = register_parameter("weight", Tensor::zeros(stack.concat({options.out, options.in}), options.dtype),
                               options.experts);
  if (options.bias) {
    bias_ = register_parameter("bias", Tensor::zeros(stack.concat({options.out}), options.dtype), options.experts);
  }
  reset(generator);
}

Rows Linear::forward(const Rows& x) {
  return x.with(grouped_matmul(x.source(), weight_, bias_, x.segments(), precision()));
}

void Linear::reset(Generator& generator) { init::layer(weight_, bias_, generator); }

std::string Linear::describe() const {
  return fmt::format("Linear({} -> {}{}{})", options_.in, options_.out, options_.bias ? "" : ", no bias",
                     detail::experts_text(options_.experts));
}

}  // namespace divvy::nn
