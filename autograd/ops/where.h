#pragma once

#include "autograd/variable.h"

namespace divvy {

/// a where the condition (u8) is not 0, else b, element by element; the three broadcast. The gradient goes to the
/// operand that was taken, and is exactly 0 for the other, whose value may be NaN or infinite. What the other was
/// computed from still gets NaN where a derivative in between is not finite, since 0 times infinity is NaN: log(x) at
/// x = 0 needs an argument that where() has made harmless before. Throws ShapeError where the shapes do not broadcast
/// and DTypeError for unequal types of a and b.
Variable where(const Tensor& condition, const Variable& a, const Variable& b);

}  // namespace divvy
