#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "apps/options.h"
#include "datasets/dataset.h"
#include "moe/models.h"
#include "moe/record.h"
#include "moe/trainer.h"

/// What train and eval share.
namespace divvy::app {

/// The data sets of the catalogue, with the data root from the option; errors are the catalogue's.
data::Splits load_data(const std::string& name, const std::string& data_dir, uint64_t seed);

/// The networks that suit a data set, by name. Throws UsageError where none does.
std::string default_network(const data::Dataset& dataset);

/// The model's options of a run on this data. Throws UsageError for combinations that cannot be.
moe::ModelOptions model_options(const TrainConfig& config, const data::Dataset& dataset);

/// Floating-point operations of one forward pass a sample: of the chosen experts only, and of all experts.
struct Cost {
  int64_t routed = 0, dense = 0;
};
Cost flops_per_sample(moe::Model& model, const moe::RoutingOptions& routing, const data::Dataset& dataset);

/// Accuracies and how the experts divided the task, with units in the keys.
nlohmann::ordered_json metrics_json(const moe::Record& record);

/// The same for people: a few aligned lines, then the class x expert table.
std::string metrics_text(const moe::Record& record, const data::Dataset& dataset, const std::string& part, bool colour);

/// "96.88 %".
std::string percent(double share);

}  // namespace divvy::app
