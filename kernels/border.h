#pragma once

#include <cstdint>

#include "tensor/anywhere.h"

namespace divvy::kernels {

/// The pixel that place `at` on a line of `size` pixels shows when the line is continued beyond its ends by its mirror
/// image, the outermost pixels not repeated: c b | a b c | b a. For -size < at < 2 size - 1.
DIVVY_ANYWHERE inline int64_t reflected(int64_t at, int64_t size) {
  return at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at;
}

}  // namespace divvy::kernels
