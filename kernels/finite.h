#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace divvy::kernels {

/// The flat index of the first NaN or infinity of x (f32 or f64), or -1 where every element is finite.
int64_t first_non_finite(const Tensor& x);

namespace cpu {
int64_t first_non_finite(const Tensor& x);
}

}  // namespace divvy::kernels
