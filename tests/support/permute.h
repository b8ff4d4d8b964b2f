#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace divvy::test {

/// The elements of x, converted to f64, with permuted axes, computed element by element; axes may be negative.
Tensor naive_permute(const Tensor& x, const std::vector<int>& axes);

}  // namespace divvy::test
