#pragma once

#include <span>
#include <vector>

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// The sum of the squares of x, added up in double and in a fixed order; infinite for elements of f64 above 1e154. x:
/// any shape, f32 or f64.
/// Waits for the device.
double squared_norm(const Tensor& x);

/// The same for each of several tensors of one device, into `norms`, f64 [n], without waiting.
void squared_norms(std::span<const Tensor> x, Tensor& norms);
DIVVY_BACKENDS(squared_norms);

/// The same as numbers; the device is waited for once.
std::vector<double> squared_norms(std::span<const Tensor> x);

/// x *= factor. x: any shape, f32 or f64.
void scale(Tensor& x, double factor);

/// factor = min(1, max_norm / (norm + 1e-6)), where norm^2 is the sum of `squared_norms`, f64 [n], in their order; 1
/// where that is NaN. factor: f64 []. Nothing is waited for. Throws ValueError unless max_norm is finite and > 0.
void clip_factor(const Tensor& squared_norms, double max_norm, Tensor& factor);

/// x *= factor, where it is not 1. x: any shape, f32 or f64; factor: f64 [], on the device of x.
void scale_by(Tensor& x, const Tensor& factor);

DIVVY_BACKENDS(scale);
DIVVY_BACKENDS(clip_factor);
DIVVY_BACKENDS(scale_by);

}  // namespace divvy::kernels
