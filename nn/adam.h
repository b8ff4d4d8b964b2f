#pragma once

#include "kernels/adam.h"
#include "nn/optimizer.h"

namespace divvy::nn {

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;  ///< L2: added to the gradient as weight_decay * parameter
  bool amsgrad = false;
};

/// Adam; kernels/adam.h has the formulas.
class Adam : public Optimizer {
 public:
  /// Throws ValueError for options out of range.
  explicit Adam(std::vector<ParameterGroup> groups, const AdamOptions& options = {})
      : Adam("Adam", std::move(groups), options, false) {}
  explicit Adam(std::vector<Variable> parameters, const AdamOptions& options = {})
      : Adam(std::vector<ParameterGroup>{{std::move(parameters)}}, options) {}

 protected:
  Adam(const std::string& name, std::vector<ParameterGroup> groups, const AdamOptions& options, bool decoupled);
  void update(const Tensor& gradient, const Rates& rates, State& state, Tensor& value) override;
  kernels::UpdateFactors factors(const Rates& rates, const State& state) const override;

 private:
  kernels::AdamUpdate update_of(const Rates& rates, const State& state) const;

  AdamOptions options_;
  bool decoupled_;
};

struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;  ///< each step first multiplies the parameter by 1 - lr * weight_decay
  bool amsgrad = false;
};

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
class AdamW : public Adam {
 public:
  explicit AdamW(std::vector<ParameterGroup> groups, const AdamWOptions& options = {});
  explicit AdamW(std::vector<Variable> parameters, const AdamWOptions& options = {})
      : AdamW(std::vector<ParameterGroup>{{std::move(parameters)}}, options) {}
};

}  // namespace divvy::nn
