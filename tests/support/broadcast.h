#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace divvy::test {

/// The elements of x, of any type, repeated to `shape`: by dividing out the index of each element, axis by axis.
std::vector<double> broadcast_values(const Tensor& x, const Shape& shape);

}  // namespace divvy::test
