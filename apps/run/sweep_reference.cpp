#include "apps/run/sweep_reference.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/run/run_config.h"
#include "apps/run/run_folder.h"
#include "apps/settings/toml.h"
#include "tensor/error.h"

namespace divvy::app {

namespace {

/// The settings of a run as text, by name.
std::map<std::string, std::string> settings_of(const SweepRun& run) {
  const auto settings = parse_toml(read_config(run.folder / "config.toml"));
  return {settings.begin(), settings.end()};
}

double number_of(const std::map<std::string, std::string>& settings, const std::string& key, double otherwise) {
  const auto found = settings.find(key);
  // For a schedule such as "10x25,1x25" this reads the first temperature.
  return found == settings.end() ? otherwise : std::strtod(found->second.c_str(), nullptr);
}

/// The beginning of a published name: the file's name without the regularizers, which are appended later.
std::string method_name(std::string experiment, const std::string& model) {
  for (const std::string suffix : {"importance", "sample_similarity"}) {
    if (experiment == suffix) return model;
    if (experiment.ends_with("_" + suffix)) experiment.resize(experiment.size() - suffix.size() - 1);
  }
  return experiment;
}

/// The weight of the first part of sample similarity in the published code, where it multiplies a sum over the pairs of
/// a batch instead of a mean.
double published_similarity(const std::map<std::string, std::string>& settings) {
  const double weight = number_of(settings, "similarity-same", 0);
  const auto quirks = settings.find("quirks");
  if (quirks != settings.end() && quirks->second.find("similarity-bracket") != std::string::npos) return weight;
  const double batch = number_of(settings, "batch", 1);
  return std::strtod(fmt::format("{:.6g}", weight / (batch * batch)).c_str(), nullptr);  // 1e-05, not 9.999...e-06
}

}  // namespace

ReferenceRow reference_row(const SweepRun& run) {
  const auto path = run.folder / "summary.json";
  const auto summary = read_run_json(path);
  const auto figure = [&](const std::string& key) {
    const auto found = summary.find(key);
    if (found == summary.end() || !found->is_number()) fail<CheckpointError>("{}: no number '{}'", path.string(), key);
    return found->get<double>();
  };
  const auto settings = settings_of(run);
  const std::string model = settings.contains("model") ? settings.at("model") : "";
  const bool without_gate = model.starts_with("no-gate");
  ReferenceSettings reference;
  reference.model = method_name(run.experiment, model);
  const auto samples = summary.find("train_samples_per_class");
  reference.classes = samples == summary.end() ? 0 : static_cast<int64_t>(samples->size());
  reference.experts = static_cast<int64_t>(figure("experts"));
  reference.importance = number_of(settings, "importance", 0);
  (without_gate ? reference.no_gate_temperature : reference.temperature) =
      number_of(settings, "temperature", without_gate ? 0 : 1);
  reference.temperature_decay = number_of(settings, "temperature-decay", 0);
  reference.similarity_same = published_similarity(settings);
  reference.similarity_different = number_of(settings, "similarity-different", 0);

  const std::array<const char*, 4> hard_models = {"stochastic", "top-1", "loss-gate", "em"};
  const bool hard = std::ranges::find(hard_models, model) != hard_models.end();
  ReferenceRow row;
  row.model = reference_name(reference);
  row.train_error = 1 - figure("train_accuracy");
  row.val_error = figure("val_error");
  row.test_error = figure("test_error");
  if (reference.classes > 20) row.top_5_error = figure("test_top_5_error");
  if (reference.experts == 1 || !summary.contains("test_mutual_information_prediction_bits")) return row;
  row.mutual_information = figure("test_mutual_information_prediction_bits");
  row.sample_entropy = hard ? 0 : figure("test_sample_entropy_bits");
  row.expert_usage = figure(hard ? "test_selection_entropy_bits" : "test_usage_entropy_bits");
  row.per_task_entropy = figure(hard ? "test_per_task_selection_entropy_bits" : "test_per_task_entropy_bits");
  return row;
}

}  // namespace divvy::app
