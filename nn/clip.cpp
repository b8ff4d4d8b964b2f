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
  std::vector<Variable> given;
  std::vector<Tensor> gradients;
  for (const Variable& parameter : parameters) {
    if (!parameter.grad().defined()) continue;
    given.push_back(parameter);
    gradients.push_back(parameter.grad());
  }
  const auto own = kernels::squared_norms(gradients);  // in one go, since a GPU has to be waited for
  double squares = 0;
  for (size_t i = 0; i < given.size(); ++i) {
    if (!std::isfinite(own[i])) {
      throw NonFiniteError("gradient", given[i].name().empty() ? "an unnamed variable" : given[i].name(), std::nullopt);
    }
    squares += own[i];
  }
  const double norm = std::sqrt(squares);
  const double factor = max_norm / (norm + 1e-6);
  if (factor >= 1) return norm;
  for (Variable parameter : given) kernels::scale(parameter.mutable_grad(), factor);
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
