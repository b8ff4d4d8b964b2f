#pragma once

#include <initializer_list>

#include "autograd/variable.h"

namespace divvy {

/// x with another shape of as many elements. The value is a view: it shares the memory of x. Throws ShapeError where
/// the numbers of elements differ.
Variable reshape(const Variable& x, const Shape& shape);
/// One size may be -1 and follows from the others.
Variable reshape(const Variable& x, std::initializer_list<int64_t> sizes);

/// The axes from `from_axis` on made one: [B, C, H, W] becomes [B, C * H * W]. A view. Throws ShapeError where x has no
/// such axis.
Variable flatten(const Variable& x, int from_axis = 1);

}  // namespace divvy
