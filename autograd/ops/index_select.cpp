#include "autograd/ops/index_select.h"

#include "autograd/node.h"
#include "kernels/check.h"
#include "kernels/index_select.h"

namespace divvy {

Variable index_select(const Variable& x, int axis, const Tensor& index) {
  kernels::check::axis("index_select", x.shape(), axis);
  kernels::check::rank("index_select", "index", index, 1);
  Tensor y = Tensor::empty(x.shape().with(axis, index.numel()), x.dtype(), x.device());
  kernels::index_select(x.value(), axis, index, y);
  return record("index_select", y, {x},
                [index = Saved(index), axis, shape = x.shape()](const Tensor& dy, Gradients& dx) {
                  dx[0] = Tensor::empty(shape, dy.dtype(), dy.device());
                  kernels::index_select_backward(dy, axis, index.get(), dx[0]);
                });
}

}  // namespace divvy
