#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "apps/run/run_folder.h"
#include "apps/run/training_plan.h"

namespace divvy::app {

/// What a training run gave.
struct RunOutcome {
  bool finished = false;              ///< false: a signal ended it, and its weights are saved
  nlohmann::ordered_json summary;     ///< as summary.json has it; null where the run is not finished
  Evaluation test;                    ///< of the test part
  std::vector<std::string> pictures;  ///< their files in the run folder
};

/// Trains the model of a plan and fills its run folder: settings, metrics of each epoch, checkpoints, log; then tests
/// it once, and writes the summary, the routing of the test part and the pictures. Progress goes to stderr unless
/// config.quiet. SIGINT and SIGTERM end the run after the batch, with its weights saved.
///
/// `config`: settled, by make_plan(). Throws NonFiniteError where training diverges, which the log then says, too.
RunOutcome run_training(Plan& plan, const TrainConfig& config, RunFolder& folder);

}  // namespace divvy::app
