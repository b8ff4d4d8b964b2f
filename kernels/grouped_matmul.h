#pragma once

#include "kernels/backend.h"
#include "kernels/precision.h"
#include "kernels/segments.h"
#include "tensor/tensor.h"

/// The product at the heart of the experts: each row is multiplied with the weight matrix of the expert it belongs to.
///
/// E experts, I input and O output features, N rows; `segments` say which rows belong to which expert. With
/// segments.sample (i64 [N], values in [0, R)) row i is read from row sample[i] of x; without it R = N. All tensors are
/// f32 or all f64, and an output shares no memory with an input. Zero rows, features or experts, and experts with no
/// rows, are all allowed. The factors of f32 products are rounded to `precision`. Throws ShapeError,
/// DTypeError, ValueError or DeviceError for arguments that do not fit.
namespace divvy::kernels {

/// y[i, o] = bias[e, o] + sum_j x[sample[i], j] weight[e, o, j], with e the expert of row i.
/// x: [R, I], weight: [E, O, I], bias: [E, O] or undefined, y: [N, O].
void grouped_matmul(const Tensor& x, const Tensor& weight, const Tensor& bias, const Segments& segments, Tensor& y,
                    Precision precision = Precision::f32);

/// dx[r, j] = sum over the rows i with sample[i] = r, in ascending order, of sum_o dy[i, o] weight[e, o, j]; zero where
/// no row was read from r. dy: [N, O], weight: [E, O, I], dx: [R, I].
void grouped_matmul_backward_input(const Tensor& dy, const Tensor& weight, const Segments& segments, Tensor& dx,
                                   Precision precision = Precision::f32);

/// dweight[e, o, j] = sum over the rows i of expert e of dy[i, o] x[sample[i], j]; zero for an expert with no rows.
/// x: [R, I], dy: [N, O], dweight: [E, O, I].
void grouped_matmul_backward_weight(const Tensor& x, const Tensor& dy, const Segments& segments, Tensor& dweight,
                                    Precision precision = Precision::f32);

/// dbias[e, o] = sum over the rows i of expert e of dy[i, o]. dy: [N, O], dbias: [E, O]; segments.sample does not
/// matter.
void grouped_matmul_backward_bias(const Tensor& dy, const Segments& segments, Tensor& dbias);

DIVVY_BACKENDS(grouped_matmul);
DIVVY_BACKENDS(grouped_matmul_backward_input);
DIVVY_BACKENDS(grouped_matmul_backward_weight);
DIVVY_BACKENDS(grouped_matmul_backward_bias);

}  // namespace divvy::kernels
