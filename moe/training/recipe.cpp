#include "moe/training/recipe.h"

#include <algorithm>

#include "kernels/softmax.h"

namespace divvy::moe {

namespace {

constexpr double kLeastTemperature = 0.001;

}  // namespace

TemperatureSequence::TemperatureSequence(const Temperatures& temperatures, double usual)
    : temperatures_(temperatures), usual_(usual) {
  const auto check = [](double t) { kernels::check::temperature("the plan of temperatures", t); };
  if (temperatures_.schedule.empty()) check(usual_);
  std::ranges::for_each(temperatures_.schedule, check);
  if (temperatures_.begin > 0) skip(temperatures_.begin);
}

double TemperatureSequence::next() {
  const std::vector<double>& schedule = temperatures_.schedule;
  const auto beyond = static_cast<double>(epoch_ - 1 - temperatures_.decay_start);
  if (temperatures_.decay > 0 && beyond > 0) {
    last_ = std::max(kLeastTemperature, last_ / (1 + temperatures_.decay * beyond));
  } else {
    last_ = schedule.empty() ? usual_ : schedule[std::min(static_cast<size_t>(epoch_), schedule.size() - 1)];
  }
  ++epoch_;
  return last_;
}

double TemperatureSequence::skip(int64_t epochs) {
  const int64_t end = epoch_ + epochs;
  // Epochs before the decay are looked up alone, and once the temperature is the least it stays so.
  const int64_t decayed_from = temperatures_.decay > 0 ? std::min(end, temperatures_.decay_start + 2) : end;
  epoch_ = std::max(epoch_, decayed_from - 1);
  while (epoch_ < end) {
    next();
    if (epoch_ > decayed_from && last_ == kLeastTemperature) epoch_ = end;
  }
  return last_;
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
  if (last.epochs == 0) return last.routing.temperature;
  return TemperatureSequence(last.temperatures, last.routing.temperature).skip(last.epochs);
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
