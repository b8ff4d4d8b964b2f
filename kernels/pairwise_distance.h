#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// distance[i, j] = the Euclidean distance of rows i and j of x, from the differences themselves: no product of
/// matrices, whose cancellation would blur near neighbors, and scaled where a square would overflow or vanish.
/// Symmetric to the bit, with a diagonal of 0. x: [B, ...] f32 or f64, each row flattened; distance: [B, B].
void pairwise_distance(const Tensor& x, Tensor& distance);

/// dx[i] = sum over j, in order, of (dy[i, j] + dy[j, i]) * (x[i] - x[j]) / distance[i, j], without the j at distance
/// 0. From the result `distance` of pairwise_distance.
void pairwise_distance_backward(const Tensor& x, const Tensor& distance, const Tensor& dy, Tensor& dx);

DIVVY_BACKENDS(pairwise_distance);
DIVVY_BACKENDS(pairwise_distance_backward);

}  // namespace divvy::kernels
