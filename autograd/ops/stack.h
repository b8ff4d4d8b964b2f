#pragma once

#include <vector>

#include "autograd/variable.h"

namespace divvy {

/// Parts of one shape beside each other along a new axis: [2, 3] and [2, 3] become [2, 2, 3] with `axis` 0 and
/// [2, 3, 2] with 2 or -1. Throws ShapeError for unequal shapes, DTypeError for unequal types and ValueError where
/// there are no parts.
Variable stack(const std::vector<Variable>& parts, int axis = 0);

}  // namespace divvy
