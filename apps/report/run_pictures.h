#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/run/run_folder.h"
#include "apps/run/training_plan.h"

namespace divvy::app {

/// The figures of each epoch that the pictures need. Errors are in percent, or mean squared errors for a regression.
struct RunHistory {
  std::vector<double> loss, train_error, val_error;
  std::vector<std::vector<int64_t>> val_samples_per_expert;

  size_t epochs() const { return loss.size(); }
};

/// Draws the pictures that suit the data of a run into its folder and returns their file names, the most informative
/// first: for points in the plane the regions of gate and experts, for Barber's regression the maps that the experts
/// learned, the division of the classes among the experts, confusion matrices, the number of validation samples of each
/// expert in each epoch, and the curves of loss and error.
std::vector<std::string> draw_pictures(const Plan& plan, const TrainConfig& config, const Evaluation& test,
                                       const RunHistory& history, const RunFolder& folder);

}  // namespace divvy::app
