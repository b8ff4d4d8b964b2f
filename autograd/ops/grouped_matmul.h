#pragma once

#include "autograd/variable.h"
#include "kernels/precision.h"
#include "kernels/segments.h"

namespace divvy {

/// The linear layer of E experts: y[i] = x[i] W_e^T + b_e for each row i of the segment of expert e, [N, O]. With
/// segments.sample (i64 [N]) row i is read from row sample[i] of x, and the gradients of all rows read from one place
/// add up there, in the order of the rows.
///
/// x: [R, I]; weight: [E, O, I] with bias [E, O], or for one plain layer [O, I] with bias [O]; the bias may be left
/// out. A plain layer takes all the rows: it reads segments.sample, but not the offsets. An expert with no rows is
/// normal; its gradient is zero. Forward and backward round the factors of f32 products to `precision`. Throws
/// ShapeError, DTypeError or ValueError for arguments that do not fit.
Variable grouped_matmul(const Variable& x, const Variable& weight, const Variable& bias = {},
                        const Segments& segments = {}, Precision precision = Precision::f32);

}  // namespace divvy
