#include "autograd/ops/top_k.h"

#include "autograd/node.h"
#include "kernels/check.h"
#include "kernels/top_k.h"
#include "tensor/error.h"

namespace divvy {

TopK top_k(const Variable& x, int64_t k) {
  kernels::check::min_rank("top_k", "x", x.value(), 1);
  const int64_t cols = x.shape().cols();
  if (k < 1 || k > cols) fail<ValueError>("top_k: k must be in [1, {}], got {}", cols, k);
  const Shape taken = x.shape().with(-1, k);
  Tensor values = Tensor::empty(taken, x.dtype(), x.device());
  Tensor indices = Tensor::empty(taken, DType::i64, x.device());
  kernels::top_k(x.value(), values, indices);
  Variable result =
      record("top_k", values, {x}, [indices = Saved(indices), shape = x.shape()](const Tensor& dy, Gradients& dx) {
        dx[0] = Tensor::empty(shape, dy.dtype(), dy.device());
        kernels::top_k_backward(indices.get(), dy, dx[0]);
      });
  return {std::move(result), indices};
}

}  // namespace divvy
