#pragma once

#include "autograd/variable.h"

namespace divvy {

/// The Euclidean distances between the rows of x [B, ...], each flattened: [B, B], f32 or f64, symmetric, with a
/// diagonal of 0. They come from the differences themselves, so near neighbors are told apart. Where a distance is 0
/// its gradient is 0.
Variable pairwise_distance(const Variable& x);

}  // namespace divvy
