#pragma once

#include "autograd/variable.h"

namespace divvy {

/// y[..., n, ...] = x[..., index[n], ...] along one axis, which a negative number counts from the back. x may have any
/// dtype; index is i64 [N], in any order and with repetitions. Throws ValueError for an index outside [0, size of the
/// axis).
Variable index_select(const Variable& x, int axis, const Tensor& index);

}  // namespace divvy
