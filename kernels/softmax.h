#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y[r, c] = exp(x[r, c] / temperature) / sum_j exp(x[r, j] / temperature), over the last axis; rows are independent
/// and the row's maximum is subtracted first. An entry of -inf has the probability 0; a row with a NaN or with +inf, or
/// of -inf alone, becomes NaN. x, y: [..., cols] f32 or f64; y may be x. Throws ValueError unless 1e-30 <= temperature
/// <= 1e30.
void softmax(const Tensor& x, double temperature, Tensor& y);

/// dx = (dy - <dy, y>) * y / temperature for each row, from the result y of softmax. dx may be dy.
void softmax_backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx);

/// y = log(softmax(x)), computed as x / temperature - logsumexp(x / temperature); -inf for an entry of -inf. y may be
/// x.
void log_softmax(const Tensor& x, double temperature, Tensor& y);

/// dx = (dy - exp(y) * sum(dy)) / temperature for each row, from the result y of log_softmax. dx may be dy.
void log_softmax_backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx);

/// Refuses a temperature outside [1e-30, 1e30]: a product with its reciprocal could leave the range of f32.
namespace check {
void temperature(const char* op, double temperature);
}

DIVVY_BACKENDS(softmax);
DIVVY_BACKENDS(softmax_backward);
DIVVY_BACKENDS(log_softmax);
DIVVY_BACKENDS(log_softmax_backward);

}  // namespace divvy::kernels
