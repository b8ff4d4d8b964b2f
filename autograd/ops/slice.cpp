#include "autograd/ops/slice.h"

#include "autograd/node.h"
#include "kernels/ops.h"

namespace divvy {

Variable slice(const Variable& x, int64_t begin, int64_t end) {
  const Tensor view = x.value().slice(begin, end);
  return record("slice", view, {x}, [from = x.shape(), begin, end](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::zeros(from, dy.dtype(), dy.device());
    dx[0].slice(begin, end).copy_from(dy);
  });
}

Variable slice(const Variable& x, int64_t begin, int64_t end, int axis) {
  return record("slice", slice(x.value(), begin, end, axis), {x},
                [from = x.shape(), begin, end, axis](const Tensor& dy, Gradients& dx) {
                  const auto zeros = [&](int64_t size) {
                    return Tensor::zeros(from.with(axis, size), dy.dtype(), dy.device());
                  };
                  dx[0] = concat({zeros(begin), dy, zeros(from[axis] - end)}, axis);
                });
}

}  // namespace divvy
