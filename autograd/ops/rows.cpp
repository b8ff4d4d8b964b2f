#include "autograd/ops/rows.h"

#include "autograd/node.h"
#include "kernels/check.h"
#include "kernels/rows.h"

namespace divvy {

// Each is the other's gradient.

Variable gather_rows(const Variable& x, const Tensor& index) {
  kernels::check::min_rank("gather_rows", "x", x.value(), 1);
  kernels::check::rank("gather_rows", "index", index, 1);
  Tensor y = Tensor::empty(x.shape().with(0, index.numel()), x.dtype(), x.device());
  kernels::gather_rows(x.value(), index, y);
  return record("gather_rows", y, {x}, [index = Saved(index), shape = x.shape()](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty(shape, dy.dtype(), dy.device());
    kernels::scatter_add_rows(dy, index.get(), dx[0]);
  });
}

Variable scatter_add_rows(const Variable& x, const Tensor& index, int64_t rows) {
  kernels::check::min_rank("scatter_add_rows", "x", x.value(), 1);
  Tensor y = Tensor::empty(x.shape().with(0, rows), x.dtype(), x.device());
  kernels::scatter_add_rows(x.value(), index, y);
  return record("scatter_add_rows", y, {x}, [index = Saved(index), shape = x.shape()](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty(shape, dy.dtype(), dy.device());
    kernels::gather_rows(dy, index.get(), dx[0]);
  });
}

}  // namespace divvy
