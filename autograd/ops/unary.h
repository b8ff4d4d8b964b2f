#pragma once

#include "autograd/ops/clamp.h"
#include "autograd/variable.h"

namespace divvy {

// Functions applied to each element of x, f32 or f64 of any shape; formulas, derivatives and what is saved for backward
// are in kernels/elementwise.

Variable exp(const Variable& x);
/// The natural logarithm; NaN below 0.
Variable log(const Variable& x);
/// NaN below 0. The derivative at 0 is infinite.
Variable sqrt(const Variable& x);
/// 1 / sqrt(x).
Variable rsqrt(const Variable& x);
/// The derivative at 0 is 0.
Variable abs(const Variable& x);
/// Of an angle in radians.
Variable sin(const Variable& x);
Variable cos(const Variable& x);
Variable tanh(const Variable& x);
/// 1 / (1 + exp(-x)).
Variable sigmoid(const Variable& x);
/// max(x, 0). The derivative at 0 is 0.
Variable relu(const Variable& x);
/// x times the standard normal distribution function at x: the exact form, with erf.
Variable gelu(const Variable& x);
/// log(1 + exp(x)).
Variable softplus(const Variable& x);
Variable erf(const Variable& x);
Variable neg(const Variable& x);
Variable square(const Variable& x);

inline Variable operator-(const Variable& x) { return neg(x); }

}  // namespace divvy
