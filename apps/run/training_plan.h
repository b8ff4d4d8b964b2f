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

/// Everything that is determined before the first step.
struct Plan {
  data::Splits data;
  moe::Quirks quirks;  ///< already applied to all other parts
  moe::ModelOptions model_options;
  moe::Recipe recipe;
  moe::TrainerOptions trainer;
  std::shared_ptr<moe::Model> model;
  Cost cost;  ///< that of the model before training

  bool regression() const { return model_options.targets > 0; }
};

/// Reads the data, builds the model and checks that all settings are compatible; fills in the settings whose default
/// depends on others. Throws UsageError for impossible settings, with the option, the reason and an alternative, and
/// the errors of reading data and run folders.
Plan make_plan(TrainConfig& config);
/// The same with data that the caller already has.
Plan make_plan(TrainConfig& config, data::Splits data);

/// The plan as text, a few aligned lines.
std::string describe(const Plan& plan, const TrainConfig& config);

/// The data of a plan without building its model, with train_limit and quirks applied. Throws as make_plan().
data::Splits planned_data(const TrainConfig& config);

/// The options of the model that a config describes on this data. Fills in the network. Throws UsageError.
moe::ModelOptions planned_model(TrainConfig& config, const data::Dataset& dataset);

/// The routing in evaluation of a trained model, without quirks: at the temperature of the last epoch that trained its
/// gate.
moe::RoutingOptions planned_evaluation(const TrainConfig& config, const moe::ModelOptions& options);

}  // namespace divvy::app
