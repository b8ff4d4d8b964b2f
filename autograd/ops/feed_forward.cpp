#include "autograd/ops/feed_forward.h"

#include "autograd/node.h"
#include "autograd/saved_segments.h"
#include "kernels/feed_forward.h"
#include "tensor/error.h"

namespace divvy {

namespace {

Tensor value_of(const Variable& v) { return v.defined() ? v.value() : Tensor(); }

}  // namespace

Variable feed_forward(const Variable& x, const Variable& up, const Variable& up_bias, const Variable& down,
                      const Variable& down_bias, const Segments& segments, Precision precision) {
  if (x.shape().rank() != 2 || up.shape().rank() != 3 || down.shape().rank() != 3) {
    fail<ShapeError>("feed_forward: expects x [R, I], up [E, H, I] and down [E, O, H], got {}, {} and {}", x.shape(),
                     up.shape(), down.shape());
  }
  const kernels::FeedForwardParameters p{up.value(), value_of(up_bias), down.value(), value_of(down_bias)};
  const int64_t rows = segments.rows(x.size(0));
  Tensor hidden = Tensor::empty({rows, kernels::feed_forward_pitch(up.size(1))}, x.dtype(), x.device());
  Tensor y = Tensor::empty({rows, down.size(1)}, x.dtype(), x.device());
  kernels::feed_forward(x.value(), p, segments, hidden, y, precision);

  const int64_t first = 2 * rows * up.size(1) * x.size(1), second = 2 * rows * up.size(1) * down.size(1);
  const bool through = x.requires_grad() || up.requires_grad() || (up_bias.defined() && up_bias.requires_grad());
  Flops flops = product_flops(first, {x, up});
  flops += product_flops(second, {down});
  if (through) flops.backward += second;
  return record(
      "feed_forward", y, {x, up, up_bias, down, down_bias},
      [x = Saved(x.value()), hidden = Saved(hidden), up = Saved(p.up), down = Saved(p.down),
       segments = SavedSegments(segments), precision](const Tensor& dy, Gradients& dx) {
        const kernels::FeedForwardParameters weights{up.get(), {}, down.get(), {}};
        const auto wanted = [&](size_t input, const Shape& shape) {
          return dx.needs(input) ? Tensor::empty(shape, dy.dtype(), dy.device()) : Tensor();
        };
        const Shape &up_shape = weights.up.shape(), &down_shape = weights.down.shape();
        Tensor dinput = wanted(0, x.get().shape());
        kernels::FeedForwardParameters gradients{wanted(1, up_shape), wanted(2, up_shape.range(0, 2)),
                                                 wanted(3, down_shape), wanted(4, down_shape.range(0, 2))};
        kernels::feed_forward_backward(x.get(), hidden.get(), weights, segments.get(), dy, dinput, gradients,
                                       precision);
        dx[0] = dinput;
        dx[1] = gradients.up, dx[2] = gradients.up_bias;
        dx[3] = gradients.down, dx[4] = gradients.down_bias;
      },
      flops);
}

}  // namespace divvy
