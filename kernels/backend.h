#pragma once

#include <string_view>

#include "kernels/instruction_set.h"
#include "tensor/error.h"
#include "tensor/tensor.h"

/// Declares the function of every backend for an operation of this name: one for each instruction set of the CPU, from
/// one source (kernels/cpu/target.h), and one for CUDA. They take what the operation itself takes.
// NOLINTBEGIN(bugprone-macro-parentheses): the name of a declaration
#define DIVVY_BACKENDS(function)        \
  namespace plain {                     \
  decltype(kernels::function) function; \
  }                                     \
  namespace avx2 {                      \
  decltype(kernels::function) function; \
  }                                     \
  namespace avx512 {                    \
  decltype(kernels::function) function; \
  }                                     \
  namespace cuda {                      \
  decltype(kernels::function) function; \
  }                                     \
  static_assert(true)
// NOLINTEND(bugprone-macro-parentheses)

/// The function of an instruction set.
#if defined(DIVVY_ONLY_SET)
#define DIVVY_CPU_BACKEND(set, function) (static_cast<void>(set), &DIVVY_ONLY_SET::function)
#elif defined(__x86_64__)
#define DIVVY_CPU_BACKEND(set, function) \
  ::divvy::kernels::of_instruction_set(set, &plain::function, &avx2::function, &avx512::function)
#else
#define DIVVY_CPU_BACKEND(set, function) (static_cast<void>(set), &plain::function)
#endif

/// Picks the implementation of an operation for the device of `tensor`: DIVVY_BACKEND(x, softmax)(x, temperature, y)
/// calls, say, avx2::softmax or cuda::softmax. Where one is missing in a build with CUDA the linker says so.
#define DIVVY_BACKEND(tensor, function) DIVVY_BACKEND_OF(::divvy::kernels::instruction_set(), tensor, function)
/// The same with a given instruction set of the CPU, for what another call left in that one's layout.
#ifdef DIVVY_HAS_CUDA
#define DIVVY_BACKEND_OF(set, tensor, function) \
  ((tensor).device().is_cpu() ? DIVVY_CPU_BACKEND(set, function) : &cuda::function)
#else
#define DIVVY_BACKEND_OF(set, tensor, function) \
  (::divvy::kernels::require_cpu(#function, tensor), DIVVY_CPU_BACKEND(set, function))
#endif

namespace divvy::kernels {

inline void require_cpu(std::string_view op, const Tensor& tensor) {
  if (!tensor.device().is_cpu()) fail<DeviceError>("{}: no implementation for {}", op, tensor.device());
}

template <class F>
F* of_instruction_set(InstructionSet set, F* plain, F* avx2, F* avx512) {
  switch (set) {
    case InstructionSet::avx512: return avx512;
    case InstructionSet::avx2: return avx2;
    case InstructionSet::plain: break;
  }
  return plain;
}

}  // namespace divvy::kernels
