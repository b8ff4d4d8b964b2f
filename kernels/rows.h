#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y[n, ...] = x[index[n], ...]. x: [R, ...] of any dtype; index: i64 [N]; y: [N, ...]. Throws ValueError for an index
/// outside [0, R).
void gather_rows(const Tensor& x, const Tensor& index, Tensor& y);

/// y[r, ...] = sum of x[n, ...] over the n with index[n] = r, added in the order of n; 0 for a row that no index names.
/// x: [N, ...] f32 or f64; index: i64 [N]; y: [R, ...]. Throws ValueError for an index outside [0, R).
void scatter_add_rows(const Tensor& x, const Tensor& index, Tensor& y);

DIVVY_BACKENDS(gather_rows);
DIVVY_BACKENDS(scatter_add_rows);

}  // namespace divvy::kernels
