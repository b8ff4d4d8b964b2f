#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace divvy::test {

/// The elements of x, of any type, broadcast to `shape`, with the index of each element computed axis by axis.
std::vector<double> broadcast_values(const Tensor& x, const Shape& shape);

}  // namespace divvy::test
