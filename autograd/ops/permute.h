#pragma once

#include <vector>

#include "autograd/variable.h"

namespace divvy {

/// x with its axes in another order: axis k of the result is axis axes[k] of x. A negative axis counts from the back.
/// Copies. Throws ShapeError unless `axes` names each axis once.
Variable permute(const Variable& x, const std::vector<int>& axes);

/// x with its last two axes swapped. Throws ShapeError where x has fewer.
Variable transpose(const Variable& x);

}  // namespace divvy
