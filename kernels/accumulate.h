#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// into += x, element by element. Equal shapes, f32 or f64.
void accumulate(const Tensor& x, Tensor& into);

DIVVY_BACKENDS(accumulate);

}  // namespace divvy::kernels
