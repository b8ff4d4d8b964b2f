#pragma once

#include "autograd/variable.h"

namespace divvy {

/// x converted to f32 or f64, from any type; the gradient is converted back. Already of that type, it is x itself. How
/// values are rounded is in kernels/cast.h, which also converts to other types. Throws DTypeError for any other
/// `dtype`.
Variable cast(const Variable& x, DType dtype);

}  // namespace divvy
