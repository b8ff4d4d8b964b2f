#include "autograd/ops/pool2d.h"

#include "autograd/node.h"
#include "kernels/pool2d.h"

namespace divvy {

namespace {

PoolWindow window_of(int64_t kernel, int64_t stride) { return {kernel, stride == 0 ? kernel : stride}; }

Tensor empty_pool(const char* op, const Tensor& x, PoolWindow window) {
  return Tensor::empty(kernels::pool2d_shape(op, x.shape(), window), x.dtype(), x.device());
}

}  // namespace

Variable max_pool2d(const Variable& x, int64_t kernel, int64_t stride) {
  const PoolWindow window = window_of(kernel, stride);
  Tensor y = empty_pool("max_pool2d", x.value(), window);
  kernels::max_pool2d(x.value(), window, y);
  return record("max_pool2d", y, {x}, [x = Saved(x), window](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty_like(x.get());
    kernels::max_pool2d_backward(x.get(), dy, window, dx[0]);
  });
}

Variable avg_pool2d(const Variable& x, int64_t kernel, int64_t stride) {
  const PoolWindow window = window_of(kernel, stride);
  Tensor y = empty_pool("avg_pool2d", x.value(), window);
  kernels::avg_pool2d(x.value(), window, y);
  return record("avg_pool2d", y, {x}, [shape = x.shape(), window](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty(shape, dy.dtype(), dy.device());
    kernels::avg_pool2d_backward(dy, window, dx[0]);
  });
}

Variable global_avg_pool2d(const Variable& x) {
  const Shape& shape = x.shape();
  if (shape.rank() != 4) fail<ShapeError>("global_avg_pool2d: input must have rank 4, got {}", shape);
  Tensor y = Tensor::empty(shape.range(0, 2), x.dtype(), x.device());
  kernels::global_avg_pool2d(x.value(), y);
  return record("global_avg_pool2d", y, {x}, [shape](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty(shape, dy.dtype(), dy.device());
    kernels::global_avg_pool2d_backward(dy, dx[0]);
  });
}

}  // namespace divvy
