#include "kernels/index_select.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

/// x is the whole, y has the selected entries of `axis`.
void check_arguments(const char* op, const Tensor& x, int axis, const Tensor& index, const Tensor& y) {
  check::min_rank(op, "x", x, 1);
  check::axis(op, x.shape(), axis);
  check::rank(op, "index", index, 1);
  check::dtype(op, "index", index, DType::i64);
  check::same_device(op, "index", index, x);
  check::shape(op, "y", y, x.shape().with(axis, index.numel()));
  check::same_kind(op, "y", y, x);
  check::indices(op, "index", index, x.size(axis));
}

}  // namespace

void index_select(const Tensor& x, int axis, const Tensor& index, Tensor& y) {
  check_arguments("index_select", x, axis, index, y);
  DIVVY_BACKEND(x, index_select)(x, axis, index, y);
}

void index_select_backward(const Tensor& dy, int axis, const Tensor& index, Tensor& dx) {
  check::floating("index_select_backward", "dy", dy);
  check_arguments("index_select_backward", dx, axis, index, dy);
  DIVVY_BACKEND(dy, index_select_backward)(dy, axis, index, dx);
}

}  // namespace divvy::kernels
