#include "nn/clip.h"

#include <cmath>

#include "kernels/clamp.h"
#include "kernels/clip.h"
#include "tensor/error.h"

namespace divvy::nn {

namespace {

void require_positive(const char* op, const char* name, double value) {
  if (!(value > 0) || !std::isfinite(value)) {
    fail<ValueError>("{}: {} must be finite and positive, got {}", op, name, value);
  }
}

}  // namespace

double clip_grad_norm(const std::vector<Variable>& parameters, double max_norm) {
  require_positive("clip_grad_norm", "max_norm", max_norm);
  double squares = 0;
  for (const Variable& parameter : parameters) {
    if (!parameter.grad().defined()) continue;
    const double own = kernels::squared_norm(parameter.grad());
    if (!std::isfinite(own)) {
      throw NonFiniteError("gradient", parameter.name().empty() ? "an unnamed variable" : parameter.name(),
                           std::nullopt);
    }
    squares += own;
  }
  const double norm = std::sqrt(squares);
  const double factor = max_norm / (norm + 1e-6);
  if (factor >= 1) return norm;
  for (Variable parameter : parameters) {
    if (parameter.grad().defined()) kernels::scale(parameter.mutable_grad(), factor);
  }
  return norm;
}

void clip_grad_value(const std::vector<Variable>& parameters, double limit) {
  require_positive("clip_grad_value", "the limit", limit);
  for (Variable parameter : parameters) {
    Tensor& gradient = parameter.mutable_grad();
    if (gradient.defined()) kernels::clamp(gradient, -limit, limit, gradient);
  }
}

}  // namespace divvy::nn
