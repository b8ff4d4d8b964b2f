#include "kernels/softmax.h"

#include "kernels/check.h"

namespace divvy::kernels {

void check::temperature(const char* op, double temperature) {
  if (!(temperature >= 1e-30 && temperature <= 1e30)) {
    fail<ValueError>("{}: temperature must lie in [1e-30, 1e30], got {}", op, temperature);
  }
}

namespace {

void check_arguments(const char* op, const Tensor& in, double temperature, const Tensor& out) {
  check::floating(op, "input", in);
  check::min_rank(op, "input", in, 1);
  check::same(op, "output", out, in);
  check::temperature(op, temperature);
}

}  // namespace

void softmax(const Tensor& x, double temperature, Tensor& y) {
  check_arguments("softmax", x, temperature, y);
  DIVVY_BACKEND(x, softmax)(x, temperature, y);
}

void softmax_backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx) {
  check_arguments("softmax_backward", y, temperature, dx);
  check::same("softmax_backward", "dy", dy, y);
  DIVVY_BACKEND(y, softmax_backward)(y, dy, temperature, dx);
}

void log_softmax(const Tensor& x, double temperature, Tensor& y) {
  check_arguments("log_softmax", x, temperature, y);
  DIVVY_BACKEND(x, log_softmax)(x, temperature, y);
}

void log_softmax_backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx) {
  check_arguments("log_softmax_backward", y, temperature, dx);
  check::same("log_softmax_backward", "dy", dy, y);
  DIVVY_BACKEND(y, log_softmax_backward)(y, dy, temperature, dx);
}

}  // namespace divvy::kernels
