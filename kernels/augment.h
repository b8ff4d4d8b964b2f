#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y[b, c, i, j] = x[b, c, i, flip[b] ? W - 1 - j : j]. x, y: [B, C, H, W] f32 or u8, y not x; flip: u8 [B].
void flip_horizontal(const Tensor& x, const Tensor& flip, Tensor& y);

/// What lies outside of an image.
enum class Padding {
  zero,     ///< zeros
  reflect,  ///< the image mirrored at its outermost pixels, which are not repeated: c b | a b c | b a
};

/// y[b] = the window of the size of image x[b] that starts at (top[b], left[b]) in the image with `padding` pixels
/// around it; so 0 <= top, left <= 2 * padding, and (padding, padding) gives the image itself. x, y: [B, C, H, W] f32
/// or u8, y not x; top, left: i64 [B]. Throws ValueError for a start outside of that range, a negative padding, and for
/// reflection by more than the image has: padding >= H or W.
void crop(const Tensor& x, const Tensor& top, const Tensor& left, int64_t padding, Padding mode, Tensor& y);

DIVVY_BACKENDS(flip_horizontal);
DIVVY_BACKENDS(crop);

}  // namespace divvy::kernels
