#pragma once

#include "nn/optimizer.h"

namespace divvy::nn {

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double weight_decay = 0;  ///< L2: added to the gradient as weight_decay * parameter
  bool nesterov = false;
};

/// Stochastic gradient descent; kernels/sgd.h has the formulas.
class SGD : public Optimizer {
 public:
  /// Throws ValueError for options out of range, and for nesterov without momentum.
  explicit SGD(std::vector<ParameterGroup> groups, const SGDOptions& options = {});
  explicit SGD(std::vector<Variable> parameters, const SGDOptions& options = {})
      : SGD(std::vector<ParameterGroup>{{std::move(parameters)}}, options) {}

 protected:
  void update(const Tensor& gradient, const Rates& rates, State& state, Tensor& value) override;
  kernels::UpdateFactors factors(const Rates& rates, const State& state) const override;

 private:
  SGDOptions options_;
};

}  // namespace divvy::nn
