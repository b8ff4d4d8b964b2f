#pragma once

#include "tensor/tensor.h"

namespace divvy::kernels {

/// into += x, element by element. Equal shapes, f32 or f64.
void accumulate(const Tensor& x, Tensor& into);

namespace cpu {
void accumulate(const Tensor& x, Tensor& into);
}

namespace cuda {
decltype(cpu::accumulate) accumulate;
}

}  // namespace divvy::kernels
