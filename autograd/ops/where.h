#pragma once

#include "autograd/variable.h"

namespace divvy {

/// a where the condition (u8) is not 0, else b, element by element; the three broadcast. The gradient goes to the
/// operand that was taken. Throws ShapeError where the shapes do not broadcast and DTypeError for unequal types of a
/// and b.
Variable where(const Tensor& condition, const Variable& a, const Variable& b);

}  // namespace divvy
