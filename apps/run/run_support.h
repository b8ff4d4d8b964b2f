#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "apps/run/results.h"
#include "apps/settings/options.h"
#include "datasets/dataset.h"
#include "moe/analysis/record.h"
#include "moe/model/models.h"
#include "moe/training/trainer.h"

/// What train and eval share.
namespace divvy::app {

/// The data sets of the catalog, with the data root from the option; errors are the catalog's.
data::Splits load_data(const std::string& name, const std::string& data_dir, uint64_t seed);

/// The network that suits a data set and the model of a config, by name. Throws UsageError where none does.
std::string default_network(const data::Dataset& dataset, const TrainConfig& config);

/// Whether experts are scored by the labels or targets of the samples.
bool scored_by_labels(moe::Scores scores);

/// Floating-point operations of one forward pass a sample: of the chosen experts only, and of all experts.
struct Cost {
  int64_t routed = 0, dense = 0;
};
Cost flops_per_sample(moe::Model& model, const moe::RoutingOptions& routing, const data::Dataset& dataset);

/// What a model did with a part of the data.
struct Evaluation {
  moe::Record routed;         ///< as the model is used: only the chosen experts were evaluated, where it can be so
  moe::Record dense;          ///< every expert was evaluated, for analysis; empty where `routed` is dense already
  double routed_seconds = 0;  ///< of the first
  bool by_labels = false;     ///< the labels chose the experts, so what it tells is an oracle's

  const moe::Record& analyzed() const { return dense.size() > 0 ? dense : routed; }
};
Evaluation evaluate_both(moe::Model& model, const data::Dataset& dataset, const moe::TrainerOptions& options);

/// Everything that an evaluation tells, flat, with `prefix` before each key: the metrics of the routed record and, from
/// the dense one, what perfect routing would give, whose errors they are and how much of the mutual information is
/// there by chance. `lists` may be empty.
ResultRow evaluation_metrics(const Evaluation& evaluation, const moe::ClassLists& lists, const std::string& prefix);

/// The same for people: a few aligned lines, then the class x expert table.
std::string evaluation_text(const Evaluation& evaluation, const data::Dataset& dataset, const std::string& part,
                            bool color);

/// "96.88 %".
std::string percent(double share);

}  // namespace divvy::app
