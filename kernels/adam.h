#pragma once

#include "kernels/backend.h"
#include "kernels/update_control.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

struct AdamUpdate {
  double lr = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled = false;  ///< AdamW: the decay acts on the parameter itself and not on the gradient
  int64_t step = 1;        ///< of this parameter, counted from 1
  Tensor rows = {};  ///< i64 [E] or undefined: only the experts e with rows[e] > 0 of a parameter [E, ...] are updated
  UpdateControl control = {};
};

/// {lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t), what decoupled decay leaves of the parameter} with t = step.
UpdateFactors adam_factors(const AdamUpdate& update);

/// The running moments of a parameter; each starts at zero.
struct AdamMoments {
  Tensor mean;        ///< of the gradient
  Tensor square;      ///< of its square
  Tensor max_square;  ///< the largest `square` so far: AMSGrad where defined
};

/// One step of Adam, in place and in one pass, with t = step:
///
///     decoupled:  parameter *= 1 - lr * weight_decay,  g = gradient
///     otherwise:  g = gradient + weight_decay * parameter
///     mean = beta1 * mean + (1 - beta1) * g
///     square = beta2 * square + (1 - beta2) * g^2
///     v = square, or with AMSGrad max_square = max(max_square, square)
///     parameter -= lr / (1 - beta1^t) * mean / (sqrt(v / (1 - beta2^t)) + eps)
///
/// These are PyTorch's formulas (Kingma and Ba 2015; Reddi et al. 2018; Loshchilov and Hutter 2019). All tensors: one
/// shape, f32 or f64. Throws ValueError unless the betas are in [0, 1), step >= 1 and the other numbers are finite and
/// not negative.
void adam(const Tensor& gradient, const AdamUpdate& update, AdamMoments& moments, Tensor& parameter);

DIVVY_BACKENDS(adam);

}  // namespace divvy::kernels
