#include "apps/run/run_support.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "apps/terminal/class_table.h"
#include "autograd/flops.h"
#include "datasets/catalog.h"
#include "datasets/loader.h"
#include "moe/analysis/analysis.h"
#include "moe/analysis/metrics.h"
#include "moe/model/device.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

/// Whether each class is in exactly one list.
bool divides_classes(const moe::ClassLists& lists, int64_t classes) {
  std::vector<int64_t> times(static_cast<size_t>(classes), 0);
  for (const auto& list : lists) {
    for (int64_t label : list) ++times[static_cast<size_t>(label)];
  }
  return !lists.empty() && std::ranges::all_of(times, [](int64_t count) { return count == 1; });
}

/// What perfect routing would give, and who is to blame for the errors.
template <class Line>
void add_blame(const moe::Record& record, const Line& line) {
  if (!record.is_dense()) return;
  if (!record.is_divided()) {
    if (record.is_classification()) {
      line("  best expert alone", percent(moe::best_single_expert(record).score));
      line("  some expert is right", percent(moe::oracle(record).oracle_accuracy));
    }
    return;
  }
  if (record.is_regression()) {
    line("  each by its best expert", fmt::format("{:.6f}", moe::oracle_regression(record).best_expert_squared_error),
         "");
    return;
  }
  const moe::ErrorSplit split = moe::split_errors(record);
  line("  with perfect routing", percent(moe::oracle(record).oracle_accuracy), "some expert is right");
  line("  errors of the gate", percent(split.gate_error()), "another expert was right");
  line("  errors of the experts", percent(split.expert_error()), "no expert was right");
}

}  // namespace

data::Splits load_data(const std::string& name, const std::string& data_dir, uint64_t seed) {
  return data::load(name, {.data_root = data_dir, .seed = seed});
}

std::string default_network(const data::Dataset& dataset, const TrainConfig& config) {
  const bool gated = moe::models().at(config.model().model).gated;
  const auto suits = [&](const moe::NetworkPair& pair) {
    const int64_t read = moe::hidden_size(pair.expert);
    return pair.sample == dataset.sample_shape() && (pair.gated || !gated) &&
           (config.model().gate != moe::GateKind::attentive || (read > 0 && read == moe::hidden_size(pair.gate)));
  };
  // A network for the very data, or the catalog's name of a smaller part of them, before one for such samples.
  const moe::NetworkPair* best = nullptr;
  size_t alike = 0;
  for (const moe::NetworkPair& pair : moe::networks()) {
    if (!suits(pair)) continue;
    const bool named = dataset.name == pair.name || dataset.name.starts_with(fmt::format("{}-", pair.name));
    if (best == nullptr || (named && pair.name.size() > alike)) best = &pair;
    if (named) alike = std::max(alike, pair.name.size());
  }
  if (best == nullptr) {
    throw UsageError(fmt::format("no network suits the samples {} of {} and a {} gate", dataset.sample_shape(),
                                 dataset.name, name_of(config.model().gate)));
  }
  return std::string(best->name);
}

bool scored_by_labels(moe::Scores scores) {
  return scores == moe::Scores::self_information || scores == moe::Scores::log_likelihood;
}

Cost flops_per_sample(moe::Model& model, const moe::RoutingOptions& routing, const data::Dataset& dataset) {
  const bool was_training = model.is_training();
  model.eval();
  const int64_t samples = std::min<int64_t>(64, dataset.size());
  data::Loader loader(dataset, {.batch = samples, .device = moe::device_of(model), .prefetch = 0});
  const auto batch = loader.next();
  const Variable x(batch->x, true);  // whatever learns: all that the samples reach is recorded, and so counted
  moe::Supervision known(batch->y);
  known.target = batch->target;
  Generator random;
  const auto count = [&](bool every_expert) {
    moe::RoutingOptions options = routing;
    options.every_expert = options.every_expert || every_expert;
    const moe::Forward forward = model.run(x, options, random, known);
    const moe::Routing& way = forward.routing;
    return flops({forward.output, forward.rows, way.scores, way.probabilities}).forward / samples;
  };
  const Cost cost{count(false), count(true)};
  model.train(was_training);
  return cost;
}

Evaluation evaluate_both(moe::Model& model, const data::Dataset& dataset, const moe::TrainerOptions& options) {
  Evaluation result;
  result.by_labels = scored_by_labels(options.evaluation.scores);
  const auto start = std::chrono::steady_clock::now();
  result.routed = moe::evaluate(model, dataset, options);
  result.routed_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (result.routed.is_dense()) return result;
  moe::TrainerOptions dense = options;
  dense.evaluation.every_expert = true;
  result.dense = moe::evaluate(model, dataset, dense);
  return result;
}

ResultRow evaluation_metrics(const Evaluation& evaluation, const moe::ClassLists& lists, const std::string& prefix) {
  ResultRow row = record_metrics(evaluation.routed, prefix);
  const moe::Record& record = evaluation.analyzed();
  const ResultRow analyzed = record_metrics(record, prefix);
  for (const auto& [key, value] : analyzed.items()) {
    if (!row.contains(key)) row[key] = value;
  }
  if (record.experts > 1 && record.has_labels() && record.is_divided()) {
    constexpr int64_t kPermutations = 100;
    Generator random;
    const moe::PermutationNull chance = moe::label_information_null(record, kPermutations, random);
    row[prefix + "mutual_information_label_chance_bits"] = chance.mean_bits;
    row[prefix + "mutual_information_label_chance_sd_bits"] = chance.sd_bits;
    row[prefix + "mutual_information_label_p_value"] = chance.p_value;
  }
  if (record.is_classification() && record.experts > 1 && divides_classes(lists, record.classes)) {
    const moe::ErrorSplit split = moe::split_errors(record, lists);
    row[prefix + "gate_error_by_class_lists"] = split.gate_error();
    row[prefix + "expert_error_by_class_lists"] = split.expert_error();
  }
  return row;
}

std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

std::string evaluation_text(const Evaluation& evaluation, const data::Dataset& dataset, const std::string& part,
                            bool color) {
  const moe::Record& record = evaluation.routed;
  std::vector<std::vector<std::string>> rows;
  const auto line = [&](const std::string& name, const std::string& value, const std::string& note = "") {
    rows.push_back({name, value, note});
  };
  const auto bits = [](double value) { return fmt::format("{:.2f} bits", value); };
  const std::string of = fmt::format("of {} samples", grouped(record.size()));
  if (record.is_regression()) {
    line(part + " mean squared error", fmt::format("{:.6f}", moe::mean_squared_error(record)), of);
  } else {
    line(part + " accuracy", percent(moe::accuracy(record)), of);
    if (record.classes > 20) line(part + " top-5 accuracy", percent(1 - moe::top_k_error(record, 5)));
  }
  if (evaluation.by_labels) line("", "", "an oracle's: the labels chose the experts");
  if (record.experts > 1) {
    add_blame(evaluation.analyzed(), line);
  }
  const bool divided = record.experts > 1 && record.is_divided();
  if (divided) {
    if (record.has_labels()) line("I(expert; label)", bits(moe::mutual_information_label_bits(record)));
    if (record.is_classification()) {
      line("I(expert; prediction)", bits(moe::mutual_information_prediction_bits(record)));
    }
    line("gate's entropy, a sample", bits(moe::sample_entropy_bits(record)), "0: the gate is certain");
    line("gate's entropy, mean", bits(moe::usage_entropy_bits(record)),
         fmt::format("{:.2f}: all experts used alike", std::log2(static_cast<double>(record.experts))));
    line("experts used", fmt::format("{} of {}", moe::experts_used(record), record.experts));
  }
  std::string text = text_table({}, rows);
  if (divided && record.has_labels() && record.experts <= 32) {
    std::vector<std::string> names;
    for (int64_t c = 0; c < record.classes; ++c) names.push_back(dataset.class_name(c));
    text += fmt::format("\nwhere the samples of a class went ({} part, %):\n\n", part);
    text += class_expert_text(moe::class_expert_table(record), names, color);
  }
  return text;
}

}  // namespace divvy::app
