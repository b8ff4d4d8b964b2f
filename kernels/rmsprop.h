#pragma once

#include "kernels/backend.h"
#include "kernels/update_control.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

struct RmspropUpdate {
  double lr = 0;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  Tensor rows = {};  ///< i64 [E] or undefined: only the experts e with rows[e] > 0 of a parameter [E, ...] are updated
  UpdateControl control = {};
};

/// {lr}.
UpdateFactors rmsprop_factors(const RmspropUpdate& update);

/// One step of RMSprop, in place and in one pass, with g = gradient + weight_decay * parameter:
///
///     square = alpha * square + (1 - alpha) * g^2
///     u = g / (sqrt(square) + eps)
///     momentum = 0:  parameter -= lr * u
///     otherwise:     velocity = momentum * velocity + u;  parameter -= lr * velocity
///
/// These are PyTorch's formulas, not centerd. All tensors: one shape, f32 or f64. The states start at zero; the
/// velocity is undefined exactly where momentum is 0. Throws ValueError unless alpha is in [0, 1) and the other numbers
/// are finite and not negative.
void rmsprop(const Tensor& gradient, const RmspropUpdate& update, Tensor& square, Tensor& velocity, Tensor& parameter);

DIVVY_BACKENDS(rmsprop);

}  // namespace divvy::kernels
