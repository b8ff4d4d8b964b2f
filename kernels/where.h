#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y = a where the condition is not 0, else b, element by element; a NaN in what is not taken has no effect. condition:
/// u8; a, b: any dtype, the same for both; y: the shape that the three broadcast to, in memory of its own or an operand
/// of that shape.
void where(const Tensor& condition, const Tensor& a, const Tensor& b, Tensor& y);

DIVVY_BACKENDS(where);

}  // namespace divvy::kernels
