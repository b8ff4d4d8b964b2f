#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y = x converted to the dtype of y, element by element; equal shapes, any two dtypes; y in memory of its own.
///
/// - To a floating type: the nearest value, ties to even, in one rounding; too large ones become infinite, a NaN stays
/// one.
/// - From a floating type to an integer: truncated towards zero; what is out of range, infinities included, becomes the
///   nearest end of the range, and a NaN becomes 0.
/// - From integer to integer: what is out of range becomes the nearest end of it.
void cast(const Tensor& x, Tensor& y);

DIVVY_BACKENDS(cast);

}  // namespace divvy::kernels
