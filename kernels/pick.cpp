#include "kernels/pick.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

void check_arguments(const char* op, const Tensor& x, const Tensor& index, const Tensor& y) {
  check::floating(op, "x", x);
  check::min_rank(op, "x", x, 1);
  const Shape rows = x.shape().range(0, x.rank() - 1);
  check::shape(op, "index", index, rows);
  check::dtype(op, "index", index, DType::i64);
  check::same_device(op, "index", index, x);
  check::shape(op, "y", y, rows);
  check::same_kind(op, "y", y, x);
  check::indices(op, "index", index, x.shape().cols());
}

}  // namespace

void pick(const Tensor& x, const Tensor& index, Tensor& y) {
  check_arguments("pick", x, index, y);
  DIVVY_BACKEND(x, pick)(x, index, y);
}

void pick_backward(const Tensor& index, const Tensor& dy, Tensor& dx) {
  check_arguments("pick_backward", dx, index, dy);
  DIVVY_BACKEND(dy, pick_backward)(index, dy, dx);
}

}  // namespace divvy::kernels
