#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y[..., n, ...] = x[..., index[n], ...] along one axis. x of any dtype; index: i64 [N]; y: the shape of x with that
/// axis of size N. A negative axis counts from the back. Throws ValueError for an index outside [0, size of the axis).
void index_select(const Tensor& x, int axis, const Tensor& index, Tensor& y);

/// dx[..., i, ...] = sum of dy[..., n, ...] over the n with index[n] = i, added in the order of n; 0 where there are
/// none. f32 or f64.
void index_select_backward(const Tensor& dy, int axis, const Tensor& index, Tensor& dx);

DIVVY_BACKENDS(index_select);
DIVVY_BACKENDS(index_select_backward);

}  // namespace divvy::kernels
