#include "autograd/ops/pick.h"

#include "autograd/node.h"
#include "kernels/check.h"
#include "kernels/pick.h"

namespace divvy {

Variable pick(const Variable& x, const Tensor& index) {
  kernels::check::min_rank("pick", "x", x.value(), 1);
  Tensor y = Tensor::empty(x.shape().range(0, x.value().rank() - 1), x.dtype(), x.device());
  kernels::pick(x.value(), index, y);
  return record("pick", y, {x}, [index = Saved(index), shape = x.shape()](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty(shape, dy.dtype(), dy.device());
    kernels::pick_backward(index.get(), dy, dx[0]);
  });
}

}  // namespace divvy
