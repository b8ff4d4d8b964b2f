#include "kernels/pool2d.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

/// `in` is x or dx, `out` is y or dy.
void check_arguments(const char* op, const Tensor& in, PoolWindow window, const Tensor& out) {
  check::floating(op, "input", in);
  check::shape(op, "output", out, pool2d_shape(op, in.shape(), window));
  check::same_kind(op, "output", out, in);
}

void check_global(const char* op, const Tensor& in, const Tensor& out) {
  check::floating(op, "input", in);
  check::rank(op, "input", in, 4);
  if (in.size(2) * in.size(3) == 0) fail<ShapeError>("{}: input {} has images without pixels", op, in.shape());
  check::shape(op, "output", out, in.shape().range(0, 2));
  check::same_kind(op, "output", out, in);
}

}  // namespace

Shape pool2d_shape(const char* op, const Shape& x, PoolWindow window) {
  if (window.kernel < 1) fail<ValueError>("{}: kernel must be at least 1, got {}", op, window.kernel);
  if (window.stride < 1) fail<ValueError>("{}: stride must be at least 1, got {}", op, window.stride);
  if (x.rank() != 4) fail<ShapeError>("{}: input must be [rows, channels, height, width], got {}", op, x);
  if (window.kernel > x[2] || window.kernel > x[3]) {
    fail<ShapeError>("{}: a window of {} x {} does not fit images of {}", op, window.kernel, window.kernel, x);
  }
  return {x[0], x[1], (x[2] - window.kernel) / window.stride + 1, (x[3] - window.kernel) / window.stride + 1};
}

void max_pool2d(const Tensor& x, PoolWindow window, Tensor& y) {
  check_arguments("max_pool2d", x, window, y);
  DIVVY_BACKEND(x, max_pool2d)(x, window, y);
}

void max_pool2d_backward(const Tensor& x, const Tensor& dy, PoolWindow window, Tensor& dx) {
  check_arguments("max_pool2d_backward", x, window, dy);
  check::same("max_pool2d_backward", "dx", dx, x);
  DIVVY_BACKEND(x, max_pool2d_backward)(x, dy, window, dx);
}

void avg_pool2d(const Tensor& x, PoolWindow window, Tensor& y) {
  check_arguments("avg_pool2d", x, window, y);
  DIVVY_BACKEND(x, avg_pool2d)(x, window, y);
}

void avg_pool2d_backward(const Tensor& dy, PoolWindow window, Tensor& dx) {
  check_arguments("avg_pool2d_backward", dx, window, dy);
  DIVVY_BACKEND(dy, avg_pool2d_backward)(dy, window, dx);
}

void global_avg_pool2d(const Tensor& x, Tensor& y) {
  check_global("global_avg_pool2d", x, y);
  DIVVY_BACKEND(x, global_avg_pool2d)(x, y);
}

void global_avg_pool2d_backward(const Tensor& dy, Tensor& dx) {
  check_global("global_avg_pool2d_backward", dx, dy);
  DIVVY_BACKEND(dy, global_avg_pool2d_backward)(dy, dx);
}

}  // namespace divvy::kernels
