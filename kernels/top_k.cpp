#include "kernels/top_k.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

/// `indices` and `values` are [..., k], `x` is [..., C] with as many rows.
void check_arguments(const char* op, const Tensor& x, const Tensor& values, const Tensor& indices) {
  check::floating(op, "x", x);
  check::min_rank(op, "x", x, 1);
  check::min_rank(op, "indices", indices, 1);
  const int64_t cols = x.shape().cols(), k = indices.shape().cols();
  check::shape(op, "indices", indices, x.shape().with(-1, k));
  check::dtype(op, "indices", indices, DType::i64);
  check::same_device(op, "indices", indices, x);
  check::shape(op, "values", values, indices.shape());
  check::same_kind(op, "values", values, x);
  if (k < 1 || k > cols) fail<ValueError>("{}: k must be in [1, {}], got {}", op, cols, k);
}

}  // namespace

void top_k(const Tensor& x, Tensor& values, Tensor& indices) {
  check_arguments("top_k", x, values, indices);
  DIVVY_BACKEND(x, top_k)(x, values, indices);
}

void top_k_backward(const Tensor& indices, const Tensor& dy, Tensor& dx) {
  check_arguments("top_k_backward", dx, dy, indices);
  check::indices("top_k_backward", "indices", indices, dx.shape().cols());
  DIVVY_BACKEND(dy, top_k_backward)(indices, dy, dx);
}

}  // namespace divvy::kernels
