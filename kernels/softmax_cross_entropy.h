#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// loss[b] = log(sum_c exp(x[b, c])) - x[b, label[b]]: the cross-entropy of softmax(x[b]) with a label, in nats; the
/// row's maximum is subtracted first. x: [B, C] f32 or f64; label: i64 [B] in [0, C); loss: [B]. Throws ValueError
/// naming the first label out of range, on a GPU with the next copy to the host.
void softmax_cross_entropy(const Tensor& x, const Tensor& label, Tensor& loss);

/// dx[b, c] = dloss[b] * (softmax(x[b])[c] - (c == label[b] ? 1 : 0)).
void softmax_cross_entropy_backward(const Tensor& x, const Tensor& label, const Tensor& dloss, Tensor& dx);

DIVVY_BACKENDS(softmax_cross_entropy);
DIVVY_BACKENDS(softmax_cross_entropy_backward);

}  // namespace divvy::kernels
