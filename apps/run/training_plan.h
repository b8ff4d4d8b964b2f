#pragma once

#include <memory>
#include <string>

#include "apps/run/run_support.h"
#include "apps/settings/options.h"
#include "datasets/dataset.h"
#include "moe/model/models.h"
#include "moe/reproduction/quirks.h"
#include "moe/training/recipe.h"
#include "moe/training/trainer.h"

namespace divvy::app {

/// Everything that is settled before the first step.
struct Plan {
  data::Splits data;
  moe::Quirks quirks;  ///< applied to all other parts
  moe::ModelOptions model_options;
  moe::Recipe recipe;
  moe::TrainerOptions trainer;
  std::shared_ptr<moe::Model> model;
  Cost cost;  ///< of the model before training

  bool regression() const { return model_options.targets > 0; }
};

/// Reads the data, builds the model and checks that all settings go together; fills in the settings whose default
/// depends on the others. Throws UsageError for settings that cannot be, with the option, the reason and the nearest
/// possibility; errors of the data and of run folders pass.
Plan make_plan(TrainConfig& config);
/// The same for data that are at hand.
Plan make_plan(TrainConfig& config, data::Splits data);

/// The plan for people, a few aligned lines.
std::string describe(const Plan& plan, const TrainConfig& config);

/// The training part that a plan would have without its model: the data with train_limit and quirks applied. Throws as
/// make_plan().
data::Splits planned_data(const TrainConfig& config);

/// The options of the model that a config describes on this data. Fills in the network. Throws UsageError.
moe::ModelOptions planned_model(TrainConfig& config, const data::Dataset& dataset);

/// How a finished model is evaluated, but for quirks: at the temperature at which its gate learned last.
moe::RoutingOptions planned_evaluation(const TrainConfig& config, const moe::ModelOptions& options);

}  // namespace divvy::app
