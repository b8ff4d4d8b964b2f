#include "moe/recipe.h"

namespace divvy::moe {

int64_t Recipe::epochs() const {
  int64_t total = 0;
  for (const Stage& stage : stages) total += stage.epochs;
  return total;
}

Recipe joint(const RoutingOptions& routing, const Objective& objective, const OptimizerOptions& optimizer,
             int64_t epochs) {
  Stage stage;
  stage.routing = routing;
  stage.objective = objective;
  stage.optimizer = optimizer;
  stage.epochs = epochs;
  return {"joint", {stage}};
}

}  // namespace divvy::moe
