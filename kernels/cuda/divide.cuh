#pragma once

#include <cuda_runtime.h>

#include <bit>
#include <cstdint>

namespace divvy::kernels::cuda {

/// Division by a number that is known when a kernel starts, as a multiplication: n / d for 0 <= n < 2^31 and 1 <= d <
/// 2^31. With l = ceil(log2 d) and m = ceil(2^(31 + l) / d), n m / 2^(31 + l) exceeds n / d by less than n / 2^31 / d
/// (Granlund and Montgomery 1994).
struct Divisor {
  explicit Divisor(int64_t d) {
    const int log = static_cast<int>(std::bit_width(static_cast<uint64_t>(d) - 1));
    shift = log - 1;
    factor = d == 1 ? 0 : static_cast<unsigned>(((uint64_t{1} << (31 + log)) + static_cast<uint64_t>(d) - 1) / d);
  }
  __device__ unsigned divide(unsigned n) const { return shift < 0 ? n : __umulhi(n, factor) >> shift; }

  unsigned factor;
  int shift;
};

}  // namespace divvy::kernels::cuda
