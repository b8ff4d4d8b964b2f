#pragma once

#include <set>
#include <string>

#include "apps/run/training_plan.h"

/// How the steps of a plan run on a device: one by one, or recorded once as a CUDA graph and replayed.
namespace divvy::app {

/// Throws UsageError for `--cuda-graph on` on the CPU, or if the steps of a stage cannot be recorded.
void require_graph(const Plan& plan, const TrainConfig& config);

/// The device and how it runs the steps, with the reason if they cannot be replayed.
std::string device_text(const Plan& plan, const TrainConfig& config);

/// The reasons that device_text() gives.
std::set<std::string> graph_obstacles(const Plan& plan);

}  // namespace divvy::app
