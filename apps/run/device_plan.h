#pragma once

#include <set>
#include <string>

#include "apps/run/training_plan.h"

/// How the steps of a plan are taken on a device: one by one, or recorded once as a CUDA graph and replayed.
namespace divvy::app {

/// Throws UsageError where `--cuda-graph on` asks for what cannot be: on the CPU, or where the steps of a stage cannot
/// be recorded.
void require_graph(const Plan& plan, const TrainConfig& config);

/// The device and how its steps are taken, with the reason where they cannot be replayed.
std::string device_text(const Plan& plan, const TrainConfig& config);

/// The reasons that device_text() gives.
std::set<std::string> graph_obstacles(const Plan& plan);

}  // namespace divvy::app
