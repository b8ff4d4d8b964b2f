#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y[b, c] = sum over j of weights[b, j] * rows[position[b, j], c], in the order of j; the position -1 stands for no
/// row. rows: [N, C]; weights: [B, k]; position: i64 [B, k]; y: [B, C]; f32 or f64. Throws ValueError for a position
/// outside
/// [-1, N) and for a row that is used twice.
void combine(const Tensor& rows, const Tensor& weights, const Tensor& position, Tensor& y);

/// drows[position[b, j], :] = weights[b, j] * dy[b, :], and 0 for a row that no position names.
/// dy: [B, C]; drows: [N, C].
void combine_backward_rows(const Tensor& weights, const Tensor& position, const Tensor& dy, Tensor& drows);

/// dweights[b, j] = <rows[position[b, j], :], dy[b, :]>, and 0 where the position is -1.
void combine_backward_weights(const Tensor& rows, const Tensor& position, const Tensor& dy, Tensor& dweights);

DIVVY_BACKENDS(combine);
DIVVY_BACKENDS(combine_backward_rows);
DIVVY_BACKENDS(combine_backward_weights);

}  // namespace divvy::kernels
