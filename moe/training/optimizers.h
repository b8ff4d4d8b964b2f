#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nn/optimizer.h"
#include "tensor/registry.h"

namespace divvy::moe {

struct OptimizerOptions {
  /// A name of optimizers(). The default decouples the weight decay: where decay is part of the gradient, as in adam,
  /// it is all the gradient that an expert with few samples has; Adam scales that to a full step, and the expert
  /// shrinks to nothing.
  std::string name = "adamw";
  double learning_rate = 1e-3;
  double weight_decay = 0;
  double momentum = 0;             ///< where OptimizerKind::momentum
  bool skip_idle_experts = false;  ///< stacked experts that got no rows are not updated; see nn::Optimizer::step
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
