#pragma once

#include <cstdint>

#include "autograd/variable.h"

namespace divvy {

/// y[n, ...] = x[index[n], ...]: [R, ...] to [N, ...]. x may have any dtype; index is i64 [N]. Throws ValueError for an
/// index outside [0, R).
Variable gather_rows(const Variable& x, const Tensor& index);

/// y[r, ...] = sum of x[n, ...] over the n with index[n] = r, added in the order of n: [N, ...] to [rows, ...]. A row
/// that no index names is 0. x is f32 or f64; index is i64 [N]. Throws ValueError for an index outside [0, rows).
Variable scatter_add_rows(const Variable& x, const Tensor& index, int64_t rows);

}  // namespace divvy
