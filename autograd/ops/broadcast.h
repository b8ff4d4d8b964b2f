#pragma once

#include "autograd/variable.h"

namespace divvy {

/// x repeated along the axes where it has size 1 or that it lacks at the front. x is f32 or f64 where it needs a
/// gradient, else of any type. Throws ShapeError where x does not broadcast to `shape`.
Variable broadcast_to(const Variable& x, const Shape& shape);

/// For the gradients of operations that broadcast: `gradient` summed to the shape of the operand, or itself where it
/// has that shape.
Tensor reduced_gradient(const Tensor& gradient, const Shape& shape);

}  // namespace divvy
