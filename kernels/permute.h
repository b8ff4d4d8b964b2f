#pragma once

#include <vector>

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// The shape of x with its axes in the order of `axes`, each once; a negative axis counts from the back. Throws
/// ShapeError where `axes` is not such an order.
Shape permuted_shape(const Shape& x, const std::vector<int>& axes);

/// y[i_axes[0], i_axes[1], ...] = x[i_0, i_1, ...]: axis k of y is axis axes[k] of x. Any dtype; y: permuted_shape(x,
/// axes), in memory of its own.
void permute(const Tensor& x, const std::vector<int>& axes, Tensor& y);

DIVVY_BACKENDS(permute);

}  // namespace divvy::kernels
