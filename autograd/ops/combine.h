#pragma once

#include "autograd/variable.h"

namespace divvy {

/// y[b] = sum over j of weights[b, j] * rows[position[b, j]], in the order of j: puts the rows that the experts
/// computed back together, sample by sample. rows: [N, C]; weights: [B, k]; position: i64 [B, k], -1 for no row; the
/// result is [B, C]. A row that no position names gets the gradient 0.
///
/// Throws ValueError for a position outside [-1, N) and for a row that is used twice.
Variable combine(const Variable& rows, const Variable& weights, const Tensor& position);

}  // namespace divvy
