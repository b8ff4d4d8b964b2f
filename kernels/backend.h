#pragma once

#include <string_view>

#include "tensor/error.h"
#include "tensor/tensor.h"

/// Picks the implementation of an operation for the device of `tensor`: DIVVY_BACKEND(x, softmax)(x, temperature, y)
/// calls cpu::softmax or cuda::softmax, both declared in kernels/softmax.h.
#define DIVVY_BACKEND(tensor, function) (::divvy::kernels::require_cpu_backend(#function, tensor), cpu::function)

namespace divvy::kernels {

inline void require_cpu_backend(std::string_view op, const Tensor& tensor) {
  if (!tensor.device().is_cpu()) fail<DeviceError>("{}: no implementation for {}", op, tensor.device());
}

}  // namespace divvy::kernels
