#include "kernels/broadcast.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

void check_arguments(const char* op, const Tensor& small, const Tensor& large) {
  check::defined(op, "x", small);
  check::defined(op, "y", large);
  check::same_kind(op, "y", large, small);
  if (broadcast_shapes(op, small.shape(), large.shape()) != large.shape()) {
    fail<ShapeError>("{}: {} does not broadcast to {}", op, small.shape(), large.shape());
  }
}

}  // namespace

void broadcast_to(const Tensor& x, Tensor& y) {
  check_arguments("broadcast_to", x, y);
  DIVVY_BACKEND(x, broadcast_to)(x, y);
}

void sum_to(const Tensor& x, Tensor& y) {
  check::floating("sum_to", "x", x);
  check_arguments("sum_to", y, x);
  DIVVY_BACKEND(x, sum_to)(x, y);
}

}  // namespace divvy::kernels
