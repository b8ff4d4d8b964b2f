#pragma once

#include <vector>

#include "autograd/variable.h"

namespace divvy {

/// The entries [offsets[i], offsets[i + 1]) of the leading axis, one variable for each i. The values are views: they
/// share the memory of x. Backward is one pass over x, however many parts there are; as many slices would each make a
/// gradient of the size of x. Throws ValueError for fewer than two offsets, and ShapeError unless 0 <= offsets[i] <=
/// offsets[i + 1] <= size(0).
std::vector<Variable> split(const Variable& x, const std::vector<int64_t>& offsets);

}  // namespace divvy
