#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y[...] = x[..., index[...]]: one entry of the last axis for each row. x: [..., C] f32 or f64; index: i64 [...];
/// y: [...]. Throws ValueError for an index outside [0, C).
void pick(const Tensor& x, const Tensor& index, Tensor& y);

/// dx[..., index[...]] = dy[...], and 0 elsewhere. dy: [...]; dx: [..., C].
void pick_backward(const Tensor& index, const Tensor& dy, Tensor& dx);

DIVVY_BACKENDS(pick);
DIVVY_BACKENDS(pick_backward);

}  // namespace divvy::kernels
