#include "apps/run/device_plan.h"

#include "moe/training/stepper.h"

namespace divvy::app {

void require_graph(const Plan& plan, const TrainConfig& config) {
  if (config.cuda_graph != CudaGraph::on) return;
  if (config.device.is_cpu()) {
    throw UsageError("--cuda-graph on: there are no CUDA graphs on the CPU; add --device cuda, or leave it at auto");
  }
  const std::set<std::string> obstacles = graph_obstacles(plan);
  if (obstacles.empty()) return;
  throw UsageError(fmt::format("--cuda-graph on: steps cannot be recorded, since {}; auto takes those one by one",
                               fmt::join(obstacles, " and since ")));
}

std::string device_text(const Plan& plan, const TrainConfig& config) {
  std::string text = config.device.to_string();
  if (config.device.is_cpu()) return text;
  if (config.cuda_graph == CudaGraph::off) return text + ", step by step";
  text += ", ";
  for (const moe::Stage& stage : plan.recipe.stages) {
    const std::string obstacle = moe::graph_obstacle(*plan.model, stage);
    if (&stage != &plan.recipe.stages.front()) text += "; ";
    if (plan.recipe.stages.size() > 1) text += stage.name + ": ";
    text += obstacle.empty() ? "steps replayed as a CUDA graph" : "step by step, since " + obstacle;
  }
  return text;
}

std::set<std::string> graph_obstacles(const Plan& plan) {
  std::set<std::string> obstacles;
  for (const moe::Stage& stage : plan.recipe.stages) obstacles.insert(moe::graph_obstacle(*plan.model, stage));
  obstacles.erase("");
  return obstacles;
}

}  // namespace divvy::app
