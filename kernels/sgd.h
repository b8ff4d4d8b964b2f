#pragma once

#include "kernels/backend.h"
#include "kernels/update_control.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

struct SgdUpdate {
  double lr = 0;
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;
  Tensor rows = {};  ///< i64 [E] or undefined: only the experts e with rows[e] > 0 of a parameter [E, ...] are updated
  UpdateControl control = {};
};

/// {lr}.
UpdateFactors sgd_factors(const SgdUpdate& update);

/// One step of stochastic gradient descent, in place and in one pass, with g = gradient + weight_decay * parameter:
///
///     momentum = 0:  parameter -= lr * g
///     otherwise:     velocity = momentum * velocity + g
///                    parameter -= lr * (nesterov ? g + momentum * velocity : velocity)
///
/// These are PyTorch's formulas with dampening 0. All tensors: one shape, f32 or f64. A velocity starts at zero and is
/// undefined exactly where momentum is 0. Throws ValueError for a negative or non-finite number and for nesterov
/// without momentum.
void sgd(const Tensor& gradient, const SgdUpdate& update, Tensor& velocity, Tensor& parameter);

DIVVY_BACKENDS(sgd);

}  // namespace divvy::kernels
