#pragma once

#include "tensor/tensor.h"

namespace divvy::kernels {

/// Every element of y becomes `value`, converted as kernels/cast.h says. Any dtype.
void fill(Tensor& y, double value);

namespace cpu {
void fill(Tensor& y, double value);
}

namespace cuda {
decltype(cpu::fill) fill;
}

}  // namespace divvy::kernels
