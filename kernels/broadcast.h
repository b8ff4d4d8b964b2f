#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y[..., i, ...] = x[..., i or 0, ...]: x repeated along the axes where it has size 1 or that it lacks at the front.
/// Any dtype. Throws ShapeError where x does not broadcast to the shape of y.
void broadcast_to(const Tensor& x, Tensor& y);

/// The reverse, and the gradient of broadcasting: y = the sum of x over the axes where y has size 1 or that it lacks at
/// the front. f32 or f64. The order of the additions depends on the shapes alone. Throws ShapeError where y does not
/// broadcast to the shape of x.
void sum_to(const Tensor& x, Tensor& y);

DIVVY_BACKENDS(broadcast_to);
DIVVY_BACKENDS(sum_to);

}  // namespace divvy::kernels
