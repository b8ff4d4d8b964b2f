#include "moe/training/recipe.h"

#include <algorithm>

#include "kernels/softmax.h"

namespace divvy::moe {

std::vector<double> Temperatures::of_epochs(int64_t epochs, double usual) const {
  constexpr double kLeast = 0.001;
  std::vector<double> result;
  for (int64_t e = 0; e < begin + epochs; ++e) {
    const double planned = schedule.empty() ? usual : schedule[std::min(static_cast<size_t>(e), schedule.size() - 1)];
    kernels::check::temperature("the plan of temperatures", planned);
    const auto beyond = static_cast<double>(e - 1 - decay_start);
    const bool decayed = decay > 0 && beyond > 0;
    result.push_back(decayed ? std::max(kLeast, result.back() / (1 + decay * beyond)) : planned);
  }
  result.erase(result.begin(), result.begin() + begin);
  return result;
}

int64_t Recipe::gate_epochs() const {
  int64_t total = 0;
  for (const Stage& stage : stages) total += stage.learns == Learns::experts ? 0 : stage.epochs;
  return total;
}

double Recipe::temperature() const {
  if (stages.empty()) return 1;
  const Stage& last = stages.back();
  if (last.two_temperatures) return 1;
  const std::vector<double> all = last.temperatures.of_epochs(last.epochs, last.routing.temperature);
  return all.empty() ? last.routing.temperature : all.back();
}

int64_t Recipe::epochs() const {
  int64_t total = 0;
  for (const Stage& stage : stages) total += stage.epochs;
  return total;
}

Recipe joint(const RoutingOptions& routing, const Objective& objective, const OptimizerOptions& optimizer,
             int64_t epochs) {
  Stage stage;
  stage.routing = routing;
  stage.routing.every_expert = routing.every_expert || objective.needs_every_expert();
  stage.objective = objective;
  stage.optimizer = optimizer;
  stage.epochs = epochs;
  return {"joint", {stage}};
}

}  // namespace divvy::moe
