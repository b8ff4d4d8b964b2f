#pragma once

#include "autograd/variable.h"
#include "kernels/conv2d.h"

namespace divvy {

/// Convolution of images with one filter bank, or of segments of rows with one bank for each expert.
///
/// x: [R, C, H, W]; weight: [O, C / groups, kh, kw], or [E, O, C / groups, kh, kw] for stacked experts; bias: [O] or
/// [E, O] likewise, or an undefined Variable for none. Gives [N, O, H', W'] with H' = (H + 2 * padding - kh) / stride +
/// 1 rounded down, and row n computed with the expert of its segment from image sample[n] of x (n where there is no
/// sample). A plain layer takes all the rows: it reads segments.sample, but not the offsets. Forward and backward
/// round the factors of products of f32 matrices to `precision`. The formula is in kernels/conv2d.h.
///
/// Throws ShapeError where the sizes do not fit, ValueError for a bad geometry or bad segments, DTypeError for mixed
/// types.
Variable conv2d(const Variable& x, const Variable& weight, const Variable& bias, const Conv2dGeometry& geometry = {},
                const Segments& segments = {}, Precision precision = Precision::f32);

}  // namespace divvy
