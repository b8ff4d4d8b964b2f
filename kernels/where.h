#pragma once

#include "tensor/tensor.h"

namespace divvy::kernels {

/// y = a where the condition is not 0, else b, element by element. condition: u8; a, b: any dtype, the same for both;
/// y: the shape that the three broadcast to, in memory of its own or an operand of that shape.
void where(const Tensor& condition, const Tensor& a, const Tensor& b, Tensor& y);

namespace cpu {
void where(const Tensor& condition, const Tensor& a, const Tensor& b, Tensor& y);
}

namespace cuda {
decltype(cpu::where) where;
}

}  // namespace divvy::kernels
