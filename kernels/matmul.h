#pragma once

#include "kernels/backend.h"
#include "kernels/precision.h"
#include "tensor/tensor.h"

namespace divvy {

/// Which operands of a product are read as their transposes, without a copy, and what f32 operands are rounded to.
struct MatmulOptions {
  bool transpose_a = false;
  bool transpose_b = false;
  Precision precision = Precision::f32;
};

namespace kernels {

/// y = op(a) op(b), with op(t) = t or, where the option says so, its transpose. a and b: both of rank 2, or both of
/// rank 3 with equal leading sizes, one product for each. op(a): [M, K], op(b): [K, N], y: [M, N]; with K = 0, y is
/// zero. All f32 or all f64; y shares no memory with a or b. Throws ShapeError, DTypeError or DeviceError for operands
/// that do not fit.
void matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options, Tensor& y);

/// The shape of the result of matmul. Throws ShapeError where a and b do not fit each other.
Shape matmul_shape(const Tensor& a, const Tensor& b, const MatmulOptions& options);

DIVVY_BACKENDS(matmul);

}  // namespace kernels
}  // namespace divvy
