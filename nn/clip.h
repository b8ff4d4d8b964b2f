#pragma once

#include <vector>

#include "autograd/finite_watch.h"
#include "autograd/variable.h"

namespace divvy::nn {

/// Scales all gradients by min(1, max_norm / (norm + 1e-6)), where norm is the Euclidean norm of all of them taken
/// together, and returns that norm. Parameters without a gradient count as zero. Throws ValueError unless max_norm is
/// finite and > 0, NonFiniteError naming the first parameter whose gradient is not finite.
double clip_grad_norm(const std::vector<Variable>& parameters, double max_norm);

/// The same for parameters on the device of `watch`, which is not waited for: a gradient that is not finite is left to
/// the watch.
void clip_grad_norm(const std::vector<Variable>& parameters, double max_norm, FiniteWatch& watch);

/// Moves every element of every gradient into [-limit, limit]. Throws ValueError unless limit is finite and > 0.
void clip_grad_value(const std::vector<Variable>& parameters, double limit);

}  // namespace divvy::nn
