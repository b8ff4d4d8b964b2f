#include "autograd/ops/broadcast.h"

#include "autograd/node.h"
#include "kernels/broadcast.h"

namespace divvy {

Variable broadcast_to(const Variable& x, const Shape& shape) {
  Tensor y = Tensor::empty(shape, x.dtype(), x.device());
  kernels::broadcast_to(x.value(), y);
  return record("broadcast_to", y, {x},
                [from = x.shape()](const Tensor& dy, Gradients& dx) { dx[0] = reduced_gradient(dy, from); });
}

Tensor reduced_gradient(const Tensor& gradient, const Shape& shape) {
  if (gradient.shape() == shape) return gradient;
  Tensor sum = Tensor::empty(shape, gradient.dtype(), gradient.device());
  kernels::sum_to(gradient, sum);
  return sum;
}

}  // namespace divvy
