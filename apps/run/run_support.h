#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "apps/run/results.h"
#include "apps/settings/options.h"
#include "datasets/dataset.h"
#include "moe/analysis/record.h"
#include "moe/model/models.h"
#include "moe/training/trainer.h"

/// Functions that the commands train and eval share.
namespace divvy::app {

/// Loads a data set of the catalog, with the data root from the option. Throws as data::load().
data::Splits load_data(const std::string& name, const std::string& data_dir, uint64_t seed);

/// The name of the network that suits a data set and the model of a config. Throws UsageError if none does.
std::string default_network(const data::Dataset& dataset, const TrainConfig& config);

/// Whether experts are scored by the labels or targets of the samples.
bool scored_by_labels(moe::Scores scores);

/// Floating-point operations per sample of one forward pass, with only the chosen experts and with all experts.
struct Cost {
  int64_t routed = 0, dense = 0;
};
Cost flops_per_sample(moe::Model& model, const moe::RoutingOptions& routing, const data::Dataset& dataset);

/// The evaluation of a model on a part of the data.
struct Evaluation {
  moe::Record routed;         ///< as the model is used: evaluates only the chosen experts, if possible
  moe::Record dense;          ///< evaluates every expert, for analysis; empty if `routed` is dense
  double routed_seconds = 0;  ///< time that `routed` took
  bool by_labels = false;     ///< whether labels chose the experts, so that the results are an oracle's

  const moe::Record& analyzed() const { return dense.size() > 0 ? dense : routed; }
};
Evaluation evaluate_both(moe::Model& model, const data::Dataset& dataset, const moe::TrainerOptions& options);

/// All results of an evaluation in a flat row, with `prefix` before each key: the metrics of the routed record and,
/// from the dense one, the results of oracle routing, gate and expert errors, and the mutual information expected by
/// chance. `lists` may be empty.
ResultRow evaluation_metrics(const Evaluation& evaluation, const moe::ClassLists& lists, const std::string& prefix);

/// The same as text: a few aligned lines, then the table of class by expert.
std::string evaluation_text(const Evaluation& evaluation, const data::Dataset& dataset, const std::string& part,
                            bool color);

/// "96.88 %".
std::string percent(double share);

}  // namespace divvy::app
