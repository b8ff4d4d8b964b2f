#pragma once

#include <filesystem>
#include <memory>

#include "apps/settings/options.h"
#include "datasets/dataset.h"
#include "moe/model/models.h"

namespace divvy::app {

/// The model of a finished run, with its weights.
struct RunModel {
  TrainConfig config;  ///< the settings that it was trained with
  moe::ModelOptions options;
  std::shared_ptr<moe::Model> model;
};

/// The settings of a run folder, read back from its config.toml. Throws CheckpointError.
TrainConfig run_settings(const std::filesystem::path& run);

/// Rebuilds the model of a run folder from its settings and loads a checkpoint, "last" or "best". The gate of a
/// distilled model is the plain one that its recipe made. `data_dir` replaces that of the run unless it is empty.
/// Throws CheckpointError, and the errors of loading the data, whose shapes and classes are needed.
RunModel load_run_model(const std::filesystem::path& run, const std::string& checkpoint,
                        const std::string& data_dir = "");
/// The same with settings and data that the caller already has.
RunModel load_run_model(const std::filesystem::path& run, const std::string& checkpoint, TrainConfig settings,
                        const data::Dataset& dataset);

}  // namespace divvy::app
