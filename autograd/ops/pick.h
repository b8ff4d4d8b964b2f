#pragma once

#include "autograd/variable.h"

namespace divvy {

/// y[...] = x[..., index[...]]: one entry of the last axis for each row, as the log-probability of a label. x is [...,
/// C] f32 or f64; index is i64 [...]. Throws ValueError for an index outside [0, C).
Variable pick(const Variable& x, const Tensor& index);

}  // namespace divvy
