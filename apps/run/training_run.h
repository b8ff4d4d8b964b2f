#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "apps/run/run_folder.h"
#include "apps/run/training_plan.h"

namespace divvy::app {

/// The results of a training run.
struct RunOutcome {
  bool finished = false;              ///< false if a signal ended it; its weights are saved
  nlohmann::ordered_json summary;     ///< as in summary.json; null if the run is not finished
  Evaluation test;                    ///< that of the test part
  std::vector<std::string> pictures;  ///< file names in the run folder
};

/// Trains the model of a plan and fills its run folder: settings, metrics of each epoch, checkpoints, log; then tests
/// the model once and writes the summary, the routing of the test part and the pictures. Progress goes to stderr unless
/// config.quiet is set. SIGINT, SIGTERM and SIGHUP end the run after the current batch and save its weights.
///
/// `config` must be that completed by make_plan(). Throws NonFiniteError if training diverges, which is also logged.
RunOutcome run_training(Plan& plan, const TrainConfig& config, RunFolder& folder);

}  // namespace divvy::app
