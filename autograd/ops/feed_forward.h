#pragma once

#include "autograd/variable.h"
#include "kernels/precision.h"
#include "kernels/segments.h"

namespace divvy {

/// Two linear layers of E experts with max(., 0) between them, as one operation:
/// grouped_matmul(relu(grouped_matmul(x, up, up_bias, segments)), down, down_bias), which is its reference. x: [R, I],
/// up: [E, H, I], up_bias: [E, H] or undefined, down: [E, O, H], down_bias: [E, O] or undefined; the result is [N, O].
/// Forward and backward round the factors of f32 products to `precision`.
/// Throws as kernels/feed_forward.h does.
Variable feed_forward(const Variable& x, const Variable& up, const Variable& up_bias, const Variable& down,
                      const Variable& down_bias, const Segments& segments, Precision precision = Precision::f32);

}  // namespace divvy
