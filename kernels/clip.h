#pragma once

#include "tensor/tensor.h"

namespace divvy::kernels {

/// The sum of the squares of x, added up in double and in a fixed order. x: any shape, f32 or f64.
double squared_norm(const Tensor& x);

/// x *= factor. x: any shape, f32 or f64.
void scale(Tensor& x, double factor);

namespace cpu {
double squared_norm(const Tensor& x);
void scale(Tensor& x, double factor);
}  // namespace cpu

}  // namespace divvy::kernels
