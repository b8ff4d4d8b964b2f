#include "kernels/clamp.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

void check_arguments(const Tensor& x, double low, double high, const Tensor& out) {
  check::floating("clamp", "x", x);
  check::same("clamp", "output", out, x);
  if (!(low <= high)) fail<ValueError>("clamp: the limits must not cross, got low {} and high {}", low, high);
}

}  // namespace

void clamp(const Tensor& x, double low, double high, Tensor& y) {
  check_arguments(x, low, high, y);
  DIVVY_BACKEND(x, clamp)(x, low, high, y);
}

void clamp_backward(const Tensor& x, double low, double high, const Tensor& dy, Tensor& dx) {
  check_arguments(x, low, high, dx);
  check::same("clamp", "dy", dy, x);
  DIVVY_BACKEND(x, clamp_backward)(x, low, high, dy, dx);
}

}  // namespace divvy::kernels
