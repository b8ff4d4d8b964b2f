#pragma once

#include "nn/optimizer.h"

namespace divvy::nn {

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;  ///< L2: added to the gradient as weight_decay * parameter
  double momentum = 0;
};

/// RMSprop; kernels/rmsprop.h has the formulas.
class RMSprop : public Optimizer {
 public:
  /// Throws ValueError for options out of range.
  explicit RMSprop(std::vector<ParameterGroup> groups, const RMSpropOptions& options = {});
  explicit RMSprop(std::vector<Variable> parameters, const RMSpropOptions& options = {})
      : RMSprop(std::vector<ParameterGroup>{{std::move(parameters)}}, options) {}

 protected:
  void update(const Tensor& gradient, const Rates& rates, State& state, Tensor& value) override;
  kernels::UpdateFactors factors(const Rates& rates, const State& state) const override;

 private:
  RMSpropOptions options_;
};

}  // namespace divvy::nn
