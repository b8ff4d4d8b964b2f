#include "autograd/ops/gather_last.h"

#include "autograd/node.h"
#include "kernels/gather_last.h"

namespace divvy {

Variable gather_last(const Variable& x, const Tensor& index) {
  Tensor y = Tensor::empty(index.shape(), x.dtype(), x.device());
  kernels::gather_last(x.value(), index, y);
  return record("gather_last", y, {x}, [shape = x.shape(), index = Saved(index)](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty(shape, dy.dtype(), dy.device());
    kernels::gather_last_backward(index.get(), dy, dx[0]);
  });
}

}  // namespace divvy
