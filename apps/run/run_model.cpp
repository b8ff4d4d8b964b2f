#include "apps/run/run_model.h"

#include "apps/run/run_config.h"
#include "apps/run/training_plan.h"
#include "tensor/safetensors.h"

namespace divvy::app {

TrainConfig run_settings(const std::filesystem::path& run) {
  const std::string path = (run / "config.toml").string();
  read_config(path);  // a missing or damaged file is an error of the run folder, not of the command line
  try {
    return train_config({"--config", path});
  } catch (const UsageError& error) {
    fail<CheckpointError>("{}: {}", path, error.what());
  }
}

RunModel load_run_model(const std::filesystem::path& run, const std::string& checkpoint, TrainConfig settings,
                        const data::Dataset& dataset) {
  const auto weights = load_safetensors((run / "checkpoints" / checkpoint / "weights.safetensors").string());
  RunModel result;
  result.config = std::move(settings);
  try {
    result.options = planned_model(result.config, dataset);
    Generator random(result.config.seed);
    result.model = moe::build_model(result.options, random);
    // Before the last stage of the recipe distil the gate is still the one that reads the experts.
    const moe::ReadingGate* reading = result.model->reading_gate();
    if (reading != nullptr && !weights.tensors.contains("gate.query.weight")) {
      if (auto gate = reading->distilled(result.options.experts, random)) result.model->set_gate(gate);
    }
  } catch (const UsageError& error) {
    fail<CheckpointError>("{}: {}", (run / "config.toml").string(), error.what());
  }
  result.model->load_state_dict(weights.tensors);
  return result;
}

RunModel load_run_model(const std::filesystem::path& run, const std::string& checkpoint, const std::string& data_dir) {
  TrainConfig settings = run_settings(run);
  if (!data_dir.empty()) settings.data_dir = data_dir;
  const data::Splits data = planned_data(settings);
  return load_run_model(run, checkpoint, std::move(settings), data.train);
}

}  // namespace divvy::app
