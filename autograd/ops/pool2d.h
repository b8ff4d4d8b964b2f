#pragma once

#include "autograd/variable.h"

namespace divvy {

/// The largest pixel of each square window, for x [R, C, H, W]: [R, C, H', W'] with H' = (H - kernel) / stride + 1
/// rounded down, W' likewise, so rows and columns past the last whole window are left out. A stride of 0 stands for the
/// kernel. The gradient goes to the first of equal largest pixels, in row-major order. Throws ShapeError where a window
/// does not fit and ValueError for a kernel below 1 or a negative stride.
Variable max_pool2d(const Variable& x, int64_t kernel, int64_t stride = 0);

/// The mean of each window; shapes and errors as for max_pool2d.
Variable avg_pool2d(const Variable& x, int64_t kernel, int64_t stride = 0);

/// The mean of each image of x [R, C, H, W]: [R, C]. Throws ShapeError for images without pixels.
Variable global_avg_pool2d(const Variable& x);

}  // namespace divvy
