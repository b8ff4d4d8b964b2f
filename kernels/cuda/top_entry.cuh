#pragma once

#include <cuda_runtime.h>

/// Entries of a row in the order of top_k, and the search for the first of them.
namespace divvy::kernels::cuda {

/// An entry of a row; index -1 stands for none.
template <class T>
struct Entry {
  T value;
  long long index;

  /// Whether this one comes before the other: larger, or equal and with the lower index. A NaN is larger than any
  /// number, all NaN are equal, and none comes last.
  __device__ bool before(const Entry& other) const {
    if (other.index < 0 || index < 0) return index >= 0;
    const bool nan = value != value, other_nan = other.value != other.value;
    if (nan || other_nan) return nan && other_nan ? index < other.index : nan;
    return value > other.value || (value == other.value && index < other.index);
  }
};

/// The first of all lanes, for each lane.
template <class T>
__device__ Entry<T> warp_first(Entry<T> best) {
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    const Entry<T> other{__shfl_xor_sync(0xffffffffu, best.value, lanes),
                         __shfl_xor_sync(0xffffffffu, best.index, lanes)};
    if (other.before(best)) best = other;
  }
  return best;
}

}  // namespace divvy::kernels::cuda
