#pragma once

#include "autograd/variable.h"

namespace divvy {

/// The entries [begin, end) of the leading axis. The value is a view: it shares the memory of x. Throws ShapeError
/// unless 0 <= begin <= end <= size(0).
Variable slice(const Variable& x, int64_t begin, int64_t end);

/// The entries [begin, end) of any axis; a negative one counts from the back. The value is a copy, whatever the axis.
/// Throws ShapeError unless 0 <= begin <= end <= size(axis).
Variable slice(const Variable& x, int64_t begin, int64_t end, int axis);

}  // namespace divvy
