#pragma once

#include <string>
#include <vector>

#include "moe/objective.h"
#include "moe/routing.h"

namespace divvy::moe {

struct OptimizerOptions {
  /// adamw, adam, rmsprop or sgd. The default decouples the weight decay: where decay is part of the gradient, as in
  /// adam, it is all the gradient that an expert with few samples has; Adam scales that to a full step, and the expert
  /// shrinks to nothing.
  std::string name = "adamw";
  double learning_rate = 1e-3;
  double weight_decay = 0;
  double momentum = 0;  ///< of rmsprop and sgd
  bool operator==(const OptimizerOptions&) const = default;
};

/// Which parameters a stage updates; the others are frozen whole, the statistics of batch norms included.
enum class Learns { everything, gate, experts };

/// One part of a training method.
struct Stage {
  std::string name = "joint";
  Learns learns = Learns::everything;
  OptimizerOptions optimizer;
  RoutingOptions routing;
  Objective objective;
  int64_t epochs = 1;
  double clip_norm = 0;  ///< the greatest norm of all gradients together; 0: not clipped
};

/// A training method, as data: its stages, run one after the other. A new method is a new recipe.
struct Recipe {
  std::string name;
  std::vector<Stage> stages;

  int64_t epochs() const;
};

/// Gate and experts learn together from one loss.
Recipe joint(const RoutingOptions& routing, const Objective& objective, const OptimizerOptions& optimizer,
             int64_t epochs);

}  // namespace divvy::moe
