#pragma once

#include <cstdint>

#include "kernels/elementwise/relu.h"
#include "tensor/anywhere.h"

namespace divvy::kernels {

/// What becomes of the sums of a product before they are stored: a bias is added, then they become 0 where they are
/// negative, or where what an activation gave is not positive, in the backward pass of a ReLU. For vectors of sums:
/// kernels/cpu/simd/epilogue.h.
template <class T>
struct Epilogue {
  const T* bias = nullptr;    ///< one value for each column; none where it is null
  bool relu = false;          ///< 0 in the place of what is negative; a NaN passes
  const T* active = nullptr;  ///< 0 where this is not positive; not together with relu
  int64_t active_stride = 0;  ///< elements from a row of `active` to the next

  /// That of the results from this row and column on.
  DIVVY_ANYWHERE Epilogue at(int64_t row, int64_t col) const {
    return {bias == nullptr ? nullptr : bias + col, relu,
            active == nullptr ? nullptr : active + row * active_stride + col, active_stride};
  }
  DIVVY_ANYWHERE T operator()(T sum, int64_t row, int64_t col) const {
    if (bias != nullptr) sum += bias[col];
    if (relu) sum = elementwise::Relu::value<void>(sum);
    if (active != nullptr && !(active[row * active_stride + col] > T(0))) sum = 0;
    return sum;
  }
};

}  // namespace divvy::kernels
