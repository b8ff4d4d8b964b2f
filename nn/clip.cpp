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

/// The parameters that have a gradient, and their gradients.
struct Given {
  std::vector<Variable> parameters;
  std::vector<Tensor> gradients;
  explicit Given(const std::vector<Variable>& all) {
    for (const Variable& parameter : all) {
      if (!parameter.grad().defined()) continue;
      parameters.push_back(parameter);
      gradients.push_back(parameter.grad());
    }
  }
  std::string name(size_t i) const {
    return parameters[i].name().empty() ? "an unnamed variable" : parameters[i].name();
  }
};

}  // namespace

double clip_grad_norm(const std::vector<Variable>& parameters, double max_norm) {
  require_positive("clip_grad_norm", "max_norm", max_norm);
  const Given given(parameters);
  const auto own = kernels::squared_norms(given.gradients);  // in one call, since it waits for the GPU
  double squares = 0;
  for (size_t i = 0; i < own.size(); ++i) {
    if (!std::isfinite(own[i])) throw NonFiniteError("gradient", given.name(i));
    squares += own[i];
  }
  const double norm = std::sqrt(squares);
  const double factor = max_norm / (norm + 1e-6);
  if (factor >= 1) return norm;
  for (Variable parameter : given.parameters) kernels::scale(parameter.mutable_grad(), factor);
  return norm;
}

void clip_grad_norm(const std::vector<Variable>& parameters, double max_norm, FiniteWatch& watch) {
  require_positive("clip_grad_norm", "max_norm", max_norm);
  const Given given(parameters);
  const auto count = static_cast<int64_t>(given.gradients.size());
  Tensor norms = Tensor::empty({count}, DType::f64, watch.device());
  kernels::squared_norms(given.gradients, norms);
  std::vector<Tensor> each;
  std::vector<FiniteWatch::Subject> subjects;
  for (int64_t i = 0; i < count; ++i) {
    each.push_back(norms[i]);
    subjects.push_back({"gradient", given.name(static_cast<size_t>(i))});
  }
  watch.look(each, subjects, false);
  Tensor factor = Tensor::empty({}, DType::f64, watch.device());
  kernels::clip_factor(norms, max_norm, factor);
  for (Variable parameter : given.parameters) kernels::scale_by(parameter.mutable_grad(), factor);
}

void clip_grad_value(const std::vector<Variable>& parameters, double limit) {
  require_positive("clip_grad_value", "the limit", limit);
  for (Variable parameter : parameters) {
    Tensor& gradient = parameter.mutable_grad();
    if (gradient.defined()) kernels::clamp(gradient, -limit, limit, gradient);
  }
}

}  // namespace divvy::nn
