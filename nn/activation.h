#pragma once

#include "nn/module.h"

namespace divvy::nn {

/// An element-wise function without parameters.
class Elementwise : public Rowwise {
 public:
  using Function = Variable (*)(const Variable&);
  Elementwise(const char* name, Function function) : name_(name), function_(function) {}

  Spec spec() const override { return SameShapeSpec{}; }
  std::string describe() const override { return name_; }

 protected:
  Variable apply(const Variable& x) final;

 private:
  const char* name_;
  Function function_;
};

/// max(x, 0)
class ReLU : public Elementwise {
 public:
  ReLU();
  Spec spec() const final { return ReluSpec{}; }
};

class Tanh : public Elementwise {
 public:
  Tanh();
};

/// 1 / (1 + exp(-x))
class Sigmoid : public Elementwise {
 public:
  Sigmoid();
};

/// x times the distribution function of the standard normal distribution, exactly (by erf)
class GELU : public Elementwise {
 public:
  GELU();
};

/// log(1 + exp(x))
class Softplus : public Elementwise {
 public:
  Softplus();
};

}  // namespace divvy::nn
