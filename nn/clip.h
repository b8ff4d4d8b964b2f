#pragma once

#include <vector>

#include "autograd/finite_watch.h"
#include "autograd/variable.h"

namespace divvy::nn {

/// Scales all gradients by min(1, max_norm / (norm + 1e-6)), where norm is the Euclidean norm of their concatenation,
/// and returns norm. Parameters without a gradient count as zero. Throws ValueError unless max_norm is finite and > 0,
/// NonFiniteError naming the first parameter whose gradient is not finite, or whose squares (of f64 above 1e154) are
/// not.
double clip_grad_norm(const std::vector<Variable>& parameters, double max_norm);

/// The same for parameters on the device of `watch`, without waiting for the device: the watch reports gradients that
/// are not finite.
void clip_grad_norm(const std::vector<Variable>& parameters, double max_norm, FiniteWatch& watch);

/// Clamps every element of every gradient to [-limit, limit]. Throws ValueError unless limit is finite and > 0.
void clip_grad_value(const std::vector<Variable>& parameters, double limit);

}  // namespace divvy::nn
