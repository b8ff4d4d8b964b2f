#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/run/run_folder.h"
#include "apps/run/training_plan.h"

namespace divvy::app {

/// What is kept of each epoch. Errors of a classification are in percent, of a regression mean squared.
struct RunHistory {
  std::vector<double> loss, train_error, val_error;
  std::vector<std::vector<int64_t>> val_samples_per_expert;

  size_t epochs() const { return loss.size(); }
};

/// Draws the pictures that suit the data of a run into its folder, and returns their file names, the telling one first:
/// for points in the plane the regions of gate and experts, for Barber's regression what each expert learned, how the
/// classes went to the experts, who confuses what, how many samples of the validation part each expert had in each
/// epoch, and the course of loss and error.
std::vector<std::string> draw_pictures(const Plan& plan, const TrainConfig& config, const Evaluation& test,
                                       const RunHistory& history, const RunFolder& folder);

}  // namespace divvy::app
