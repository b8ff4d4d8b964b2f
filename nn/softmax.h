#pragma once

#include "nn/module.h"

namespace divvy::nn {

/// softmax(x / temperature) over the last axis.
class Softmax : public Rowwise {
 public:
  /// Throws ValueError unless 1e-30 <= temperature <= 1e30.
  explicit Softmax(double temperature = 1) { set_temperature(temperature); }

  Spec spec() const final { return SameShapeSpec{}; }
  std::string describe() const override;

  double temperature() const { return temperature_; }
  void set_temperature(double temperature);

 protected:
  Variable apply(const Variable& x) final;

 private:
  double temperature_ = 1;
};

/// Probabilities proportional to squares: (x^2 + eps / C) / (sum of x^2 + eps) over the last axis, of size C. Each row
/// sums to 1. A row of zeros, for which x^2 / sum x^2 is undefined, gives the uniform distribution and a gradient of
/// zero.
class Escort : public Rowwise {
 public:
  /// Throws ValueError unless eps is finite and > 0.
  explicit Escort(double eps = 1e-12);

  Spec spec() const final { return SameShapeSpec{}; }

 protected:
  Variable apply(const Variable& x) final;

 private:
  double eps_;
};

}  // namespace divvy::nn
