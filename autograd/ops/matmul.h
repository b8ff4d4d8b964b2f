#pragma once

#include "autograd/variable.h"
#include "kernels/matmul.h"

namespace divvy {

/// The product of two matrices, [M, K] x [K, N] -> [M, N], or of two equally long stacks of them, [P, M, K] x [P, K, N]
/// -> [P, M, N]. With options.transpose_a, a is [K, M] (or [P, K, M]) and read as its transpose; likewise b, [N, K].
/// Both f32 or both f64. Backward uses options.precision, too. Throws ShapeError, DTypeError or
/// ValueError for operands that do not fit.
Variable matmul(const Variable& a, const Variable& b, const MatmulOptions& options = {});

}  // namespace divvy
