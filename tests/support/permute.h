#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace divvy::test {

/// The elements of x, converted to f64, with the axes in another order, by computing the place of each; axes may be
/// negative.
Tensor naive_permute(const Tensor& x, const std::vector<int>& axes);

}  // namespace divvy::test
