#pragma once

#include "autograd/variable.h"

namespace divvy {

/// y[..., j] = x[..., index[..., j]]: k entries of each row. x: [..., C]; index: i64 [..., k] in [0, C); result: [...,
/// k].
Variable gather_last(const Variable& x, const Tensor& index);

}  // namespace divvy
