#include "autograd/ops/conv2d.h"

#include "autograd/node.h"
#include "autograd/saved_segments.h"

namespace divvy {

Variable conv2d(const Variable& x, const Variable& weight, const Variable& bias, const Conv2dGeometry& geometry,
                const Segments& segments, Precision precision) {
  const Tensor no_bias;
  const Segments used = weight.shape().rank() == 4 ? Segments{{}, segments.sample} : segments;
  const Shape shape = kernels::conv2d_shape(x.shape(), weight.shape(), geometry, used);
  Tensor y = Tensor::empty(shape, x.dtype(), x.device());
  kernels::conv2d(x.value(), weight.value(), bias.defined() ? bias.value() : no_bias, geometry, used, y, precision);

  const bool bias_learns = bias.defined() && bias.requires_grad();
  // One multiply-add for each output value and each weight of its filter; padding counts like pixels.
  const Flops flops =
      product_flops(2 * y.numel() * weight.shape().range(weight.shape().rank() - 3).numel(), {x, weight});
  return record(
      "conv2d", y, {x, weight, bias},
      [x = Saved(weight.requires_grad() || bias_learns ? x : Variable()), x_shape = x.shape(),
       weight = Saved(x.requires_grad() ? weight : Variable()), weight_shape = weight.shape(), geometry,
       segments = SavedSegments(used), precision](const Tensor& dy, Gradients& dx) {
        const Segments s = segments.get();
        const auto like_dy = [&](const Shape& shape) { return Tensor::empty(shape, dy.dtype(), dy.device()); };
        if (dx.needs(0)) {
          dx[0] = like_dy(x_shape);
          kernels::conv2d_backward_input(dy, weight.get(), geometry, s, dx[0], precision);
        }
        if (!dx.needs(1) && !dx.needs(2)) return;
        if (dx.needs(1)) dx[1] = like_dy(weight_shape);
        if (dx.needs(2)) dx[2] = like_dy(weight_shape.range(0, weight_shape.rank() - 3));
        kernels::conv2d_backward_weight(x.get(), dy, weight_shape, geometry, s, dx[1], dx[2], precision);
      },
      flops);
}

}  // namespace divvy
