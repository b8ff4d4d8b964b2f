#pragma once

#include <string_view>

#include "tensor/error.h"
#include "tensor/tensor.h"

/// Picks the implementation of an operation for the device of `tensor`: DIVVY_BACKEND(x, softmax)(x, temperature, y)
/// calls cpu::softmax or cuda::softmax, both declared in kernels/softmax.h. Where one is missing in a build with CUDA
/// the linker says so.
#ifdef DIVVY_HAS_CUDA
#define DIVVY_BACKEND(tensor, function) ((tensor).device().is_cpu() ? &cpu::function : &cuda::function)
#else
#define DIVVY_BACKEND(tensor, function) (::divvy::kernels::require_cpu(#function, tensor), &cpu::function)
#endif

namespace divvy::kernels {

inline void require_cpu(std::string_view op, const Tensor& tensor) {
  if (!tensor.device().is_cpu()) fail<DeviceError>("{}: no implementation for {}", op, tensor.device());
}

}  // namespace divvy::kernels
