#include "kernels/gather_last.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

void check_arguments(const char* op, const Tensor& wide, const Tensor& index, const Tensor& narrow) {
  check::floating(op, "input", wide);
  check::min_rank(op, "input", wide, 1);
  check::min_rank(op, "index", index, 1);
  check::same_device(op, "index", index, wide);
  check::indices(op, "index", index, wide.shape().cols());
  check::shape(op, "index", index, wide.shape().with(-1, index.shape().cols()));
  check::shape(op, "output", narrow, index.shape());
  check::same_kind(op, "output", narrow, wide);
}

}  // namespace

void gather_last(const Tensor& x, const Tensor& index, Tensor& y) {
  check_arguments("gather_last", x, index, y);
  DIVVY_BACKEND(x, gather_last)(x, index, y);
}

void gather_last_backward(const Tensor& index, const Tensor& dy, Tensor& dx) {
  check_arguments("gather_last_backward", dx, index, dy);
  DIVVY_BACKEND(dy, gather_last_backward)(index, dy, dx);
}

}  // namespace divvy::kernels
