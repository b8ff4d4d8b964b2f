#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy {

/// A square window and the pixels between two of its positions.
struct PoolWindow {
  int64_t kernel, stride;
};

namespace kernels {

/// [R, C, H', W'] with H' = (H - kernel) / stride + 1 rounded down, W' likewise: rows and columns past the last whole
/// window are left out. Throws ShapeError where x is not [R, C, H, W] or a window does not fit, ValueError for a kernel
/// or stride below 1.
Shape pool2d_shape(const char* op, const Shape& x, PoolWindow window);

/// y[r, c, i, j] = the largest of x[r, c, i * stride + u, j * stride + v] over 0 <= u, v < kernel; a NaN in the window
/// gives NaN. x: [R, C, H, W] f32 or f64; y: of pool2d_shape, not x.
void max_pool2d(const Tensor& x, PoolWindow window, Tensor& y);

/// dx: each dy[r, c, i, j] goes to the pixel that was the largest of its window, the first in row-major order (the
/// first NaN where there is one); a pixel that was so in several windows receives their sum, in the order of the
/// windows. Reads x again instead of keeping places. Assigns; dx: the shape of x.
void max_pool2d_backward(const Tensor& x, const Tensor& dy, PoolWindow window, Tensor& dx);

/// y = the mean of each window, as in max_pool2d.
void avg_pool2d(const Tensor& x, PoolWindow window, Tensor& y);

/// dx: dy / kernel^2 goes to each pixel of its window. Assigns.
void avg_pool2d_backward(const Tensor& dy, PoolWindow window, Tensor& dx);

/// y[r, c] = the mean of image x[r, c]. x: [R, C, H, W] f32 or f64; y: [R, C]. Throws ShapeError for images without
/// pixels.
void global_avg_pool2d(const Tensor& x, Tensor& y);

/// dx[r, c, i, j] = dy[r, c] / (H * W). Assigns.
void global_avg_pool2d_backward(const Tensor& dy, Tensor& dx);

DIVVY_BACKENDS(max_pool2d);
DIVVY_BACKENDS(max_pool2d_backward);
DIVVY_BACKENDS(avg_pool2d);
DIVVY_BACKENDS(avg_pool2d_backward);
DIVVY_BACKENDS(global_avg_pool2d);
DIVVY_BACKENDS(global_avg_pool2d_backward);

}  // namespace kernels
}  // namespace divvy
