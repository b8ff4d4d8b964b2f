#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nn/optimizer.h"
#include "tensor/registry.h"

namespace divvy::moe {

struct OptimizerOptions {
  /// A name of optimizers(). The default has decoupled weight decay: if decay is part of the gradient, as in adam, it
  /// is the whole gradient of an expert without samples; Adam scales that to a full step, and the expert's weights
  /// shrink to zero.
  std::string name = "adamw";
  double learning_rate = 1e-3;
  double weight_decay = 0;
  double momentum = 0;             ///< read if OptimizerKind::momentum
  bool skip_idle_experts = false;  ///< stacked experts without rows are not updated; see nn::Optimizer::step
  bool operator==(const OptimizerOptions&) const = default;
};

/// An optimizer by name.
struct OptimizerKind {
  std::string name;
  std::string summary;    ///< one line, as users see it listed
  bool momentum = false;  ///< reads OptimizerOptions::momentum
  std::function<std::unique_ptr<nn::Optimizer>(std::vector<nn::ParameterGroup>, const OptimizerOptions&)> make = {};
};

/// All optimizers, in the order in which they are listed to users; a program can add its own.
Registry<OptimizerKind>& optimizers();

}  // namespace divvy::moe
