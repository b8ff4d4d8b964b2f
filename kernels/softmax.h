#pragma once

#include "tensor/tensor.h"

namespace divvy::kernels {

/// y[r, c] = exp(x[r, c] / temperature) / sum_j exp(x[r, j] / temperature), over the last axis; rows are independent
/// and the row's maximum is subtracted first. x, y: [..., cols] f32 or f64; y may be x. Throws ValueError unless
/// temperature > 0.
void softmax(const Tensor& x, double temperature, Tensor& y);

/// dx = (dy - <dy, y>) * y / temperature for each row, from the result y of softmax. dx may be dy.
void softmax_backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx);

/// y = log(softmax(x)), computed as x / temperature - logsumexp(x / temperature). y may be x.
void log_softmax(const Tensor& x, double temperature, Tensor& y);

/// dx = (dy - exp(y) * sum(dy)) / temperature for each row, from the result y of log_softmax. dx may be dy.
void log_softmax_backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx);

namespace cpu {
void softmax(const Tensor& x, double temperature, Tensor& y);
void softmax_backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx);
void log_softmax(const Tensor& x, double temperature, Tensor& y);
void log_softmax_backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx);
}  // namespace cpu

namespace cuda {
decltype(cpu::softmax) softmax;
decltype(cpu::softmax_backward) softmax_backward;
decltype(cpu::log_softmax) log_softmax;
decltype(cpu::log_softmax_backward) log_softmax_backward;
}  // namespace cuda

}  // namespace divvy::kernels
