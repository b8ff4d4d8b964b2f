#pragma once

#include "kernels/backend.h"
#include "kernels/segments.h"
#include "tensor/tensor.h"

namespace divvy {

/// The running mean and variance of each channel: [C], or [E, C] for E experts. Training moves them, evaluation uses
/// them.
struct BatchNormStatistics {
  Tensor mean, var;
};

/// Batch normalization (Ioffe and Szegedy 2015) of each channel, for each expert on its own.
///
/// E experts, C channels; x is [N, C] or [N, C, H, W], its rows divided among the experts by `segments`, which may not
/// carry a sample. An expert normalizes a channel by the mean and the biased variance of its n = rows * H * W values if
/// it trains and n > 1; otherwise by its running statistics: in evaluation, and where an expert in training has a
/// single value, which has no variance. All tensors are f32 or all f64, except the saved statistics, which are f64.
namespace kernels {

struct BatchNormOptions {
  bool training = true;
  double momentum = 0.1;  ///< share of the new value in the running statistics, in [0, 1]
  double eps = 1e-5;      ///< added to the variance; positive
};

/// What the forward pass gives. mean and inverse_std: f64 [E, C], the statistics that it used, for the backward pass.
struct BatchNormResult {
  Tensor y;
  Tensor mean, inverse_std;
};

/// The gradients to compute; those left undefined are not. dx: as x; dgamma, dbeta: [E, C].
struct BatchNormGradients {
  Tensor dx, dgamma, dbeta;
};

/// y = gamma (x - mean) / sqrt(var + eps) + beta. gamma, beta: [E, C]; running.mean, running.var: [E, C]; result.y may
/// be x.
///
/// With batch statistics, running = (1 - momentum) running + momentum new, where the new variance is the unbiased one,
/// n / (n - 1) times the biased. An expert that used its running statistics keeps them. Throws ShapeError, DTypeError,
/// ValueError or DeviceError for arguments that do not fit.
void batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, BatchNormStatistics& running,
                const BatchNormOptions& options, const Segments& segments, BatchNormResult& result);

/// The gradients from x, the saved statistics and dy. With z = (x - mean) inverse_std: dbeta = sum dy, dgamma = sum dy
/// z, and dx = gamma inverse_std (dy - (dbeta + z dgamma) / n) with batch statistics, else dx = gamma inverse_std dy.
/// dx may be dy.
void batch_norm_backward(const Tensor& x, const Tensor& gamma, const BatchNormResult& saved, const Tensor& dy,
                         bool training, const Segments& segments, BatchNormGradients& gradients);

DIVVY_BACKENDS(batch_norm);
DIVVY_BACKENDS(batch_norm_backward);

}  // namespace kernels
}  // namespace divvy
