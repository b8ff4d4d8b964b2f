#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y[i] = keep[i] ? x[i] * scale : 0, also where x[i] is not finite. Its own backward, with dy for x and dx for y. x,
/// y: f32 or f64, of one shape, y may be x; keep: u8 of that shape, any value but 0 keeps.
void dropout(const Tensor& x, const Tensor& keep, double scale, Tensor& y);

DIVVY_BACKENDS(dropout);

}  // namespace divvy::kernels
