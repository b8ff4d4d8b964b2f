#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/run_folder.h"
#include "apps/training_plan.h"

namespace divvy::app {

/// Draws the pictures that suit the data of a run into its folder, and returns their file names, the telling one first:
/// how the classes went to the experts, for points in the plane the regions of gate and experts, for a regression what
/// each expert learned, and how many samples of the validation part each expert had in each epoch.
std::vector<std::string> draw_pictures(const Plan& plan, const TrainConfig& config, const Evaluation& test,
                                       const std::vector<std::vector<int64_t>>& counts, const RunFolder& folder);

}  // namespace divvy::app
