#pragma once

#include <cstdint>

#include "tensor/anywhere.h"

/// Operations on single elements. Each is a struct in a file of its own with its name, its value, its derivatives and
/// what these read, from which the kernels of every device and dtype are made; all.h lists them. `Math` stands for the
/// elementary functions of a device (kernels/cpu/simd/elementary.h, kernels/cuda/math.cuh); what the standard library
/// computes alike everywhere is taken from there.
///
/// Before a function of an operation: it becomes part of each loop that calls it, and is compiled for the instructions
/// that are used there.
#define DIVVY_ELEMENTWISE DIVVY_ANYWHERE __attribute__((always_inline)) inline

namespace divvy::kernels::elementwise {

/// Which tensors a derivative reads: x and y = f(x), or the operands a and b of f(a, b).
enum class Reads : uint8_t { nothing = 0, x = 1, y = 2, a = 1, b = 2, both = 3 };

constexpr bool reads(Reads all, Reads one) { return (static_cast<int>(all) & static_cast<int>(one)) != 0; }

}  // namespace divvy::kernels::elementwise
