#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace divvy::kernels {

/// The flat index of the first NaN or infinity of x (f32 or f64), or -1 where every element is finite. Waits for the
/// device.
int64_t first_non_finite(const Tensor& x);

/// The same for each of several tensors of one device: on a GPU one pass over all of them and one wait.
std::vector<int64_t> first_non_finites(std::span<const Tensor> x);

namespace cpu {
std::vector<int64_t> first_non_finites(std::span<const Tensor> x);
}

namespace cuda {
decltype(cpu::first_non_finites) first_non_finites;
}

}  // namespace divvy::kernels
