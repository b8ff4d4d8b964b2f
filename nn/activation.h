#pragma once

#include "nn/module.h"

namespace divvy::nn {

/// A function of each element, without parameters.
class Elementwise : public Rowwise {
 public:
  using Function = Variable (*)(const Variable&);
  Elementwise(const char* name, Function function) : name_(name), function_(function) {}

  std::string describe() const override { return name_; }

 protected:
  Variable apply(const Variable& x) override;

 private:
  const char* name_;
  Function function_;
};

/// max(x, 0)
class ReLU : public Elementwise {
 public:
  ReLU();
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
