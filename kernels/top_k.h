#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// The k largest entries of the last axis, in falling order, and where they are; k is the last size of the results. Of
/// equal entries the one with the lower index comes first; a NaN counts as larger than any number. x: [..., C] f32 or
/// f64; values: [..., k]; indices: i64 [..., k]. Throws ValueError unless 1 <= k <= C.
void top_k(const Tensor& x, Tensor& values, Tensor& indices);

/// dx[..., indices[..., j]] = dy[..., j], and 0 elsewhere, from the indices that top_k gave. dy: [..., k]; dx: [...,
/// C].
void top_k_backward(const Tensor& indices, const Tensor& dy, Tensor& dx);

DIVVY_BACKENDS(top_k);
DIVVY_BACKENDS(top_k_backward);

}  // namespace divvy::kernels
