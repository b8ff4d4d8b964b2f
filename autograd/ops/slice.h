#pragma once

#include "autograd/variable.h"

namespace divvy {

/// The entries [begin, end) of the leading axis. The value is a view: it shares the memory of x. Throws ShapeError
/// unless 0 <= begin <= end <= size(0).
Variable slice(const Variable& x, int64_t begin, int64_t end);

}  // namespace divvy
