#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y[r, j] = x[r, index[r, j]]. x: [..., C] f32 or f64; index: i64 [..., k] in [0, C); y: [..., k].
void gather_last(const Tensor& x, const Tensor& index, Tensor& y);

/// dx[r, c] = sum of dy[r, j] over the j with index[r, j] = c, in the order of j; 0 where there are none.
void gather_last_backward(const Tensor& index, const Tensor& dy, Tensor& dx);

DIVVY_BACKENDS(gather_last);
DIVVY_BACKENDS(gather_last_backward);

}  // namespace divvy::kernels
