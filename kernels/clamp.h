#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y = min(max(x, low), high), element by element; a NaN stays NaN. Equal shapes, f32 or f64; y may be x. The limits
/// may be infinite. Throws ValueError unless low <= high.
void clamp(const Tensor& x, double low, double high, Tensor& y);

/// dx = dy where low <= x <= high, the limits included, and where x is NaN, so that it shows; else 0. dx may be dy.
void clamp_backward(const Tensor& x, double low, double high, const Tensor& dy, Tensor& dx);

DIVVY_BACKENDS(clamp);
DIVVY_BACKENDS(clamp_backward);

}  // namespace divvy::kernels
