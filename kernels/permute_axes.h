#pragma once

#include <vector>

#include "tensor/tensor.h"

/// How a permutation walks through memory, for the backends.
namespace divvy::kernels {

struct PermutedAxis {
  int64_t size = 1;
  int64_t from = 0;  ///< stride in x
  int64_t to = 0;    ///< stride in y
};

/// The axes of y = permute(x, axes) from the first to the last, without those of size 1; neighbors in both x and y are
/// merged. Empty where there is one element. `axes` are not negative.
std::vector<PermutedAxis> merged_axes(const Shape& x, const std::vector<int>& axes);

}  // namespace divvy::kernels
