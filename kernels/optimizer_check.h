#pragma once

#include <cmath>
#include <string_view>

#include "kernels/check.h"
#include "kernels/update_control.h"

/// Preconditions that the optimizers' updates share.
namespace divvy::kernels::check {

inline void update(std::string_view op, const Tensor& gradient, const Tensor& parameter) {
  floating(op, "parameter", parameter);
  same(op, "gradient", gradient, parameter);
}

/// A state tensor is like the parameter where it is `wanted` and undefined otherwise.
inline void state(std::string_view op, std::string_view name, const Tensor& t, const Tensor& parameter, bool wanted) {
  if (wanted) return same(op, name, t, parameter);
  if (t.defined()) fail<ValueError>("{}: {} is given but not used with these options", op, name);
}

/// Rows of experts, where given, are i64 [E] for a parameter [E, ...].
inline void rows(std::string_view op, const Tensor& t, const Tensor& parameter) {
  if (!t.defined()) return;
  dtype(op, "rows", t, DType::i64);
  min_rank(op, "parameter", parameter, 1);
  shape(op, "rows", t, {parameter.size(0)});
  same_device(op, "rows", t, parameter);
}

/// The control of an update whose backend reads the factors from memory in any case: those that were given, or `own`.
inline UpdateControl control(std::string_view op, UpdateControl given, const UpdateFactors& own,
                             const Tensor& parameter) {
  if (!given.factors.defined()) given.factors = Tensor::from({own[0], own[1], own[2]}).to(parameter.device());
  dtype(op, "factors", given.factors, DType::f64);
  shape(op, "factors", given.factors, {static_cast<int64_t>(kUpdateFactors)});
  same_device(op, "factors", given.factors, parameter);
  if (given.failed.defined()) {
    dtype(op, "failed", given.failed, DType::i64);
    shape(op, "failed", given.failed, {1});
    same_device(op, "failed", given.failed, parameter);
  }
  return given;
}

inline void not_negative(std::string_view op, std::string_view name, double value) {
  if (!(value >= 0) || !std::isfinite(value)) {
    fail<ValueError>("{}: {} must be finite and not negative, got {}", op, name, value);
  }
}

/// A decay rate lies in [0, 1).
inline void decay_rate(std::string_view op, std::string_view name, double value) {
  if (!(value >= 0 && value < 1)) fail<ValueError>("{}: {} must be in [0, 1), got {}", op, name, value);
}

}  // namespace divvy::kernels::check
