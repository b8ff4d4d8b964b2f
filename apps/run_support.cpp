#include "apps/run_support.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/class_table.h"
#include "datasets/catalog.h"
#include "datasets/loader.h"
#include "kernels/flops.h"
#include "moe/metrics.h"

namespace divvy::app {

data::Splits load_data(const std::string& name, const std::string& data_dir, uint64_t seed) {
  return data::load(name, {.data_root = data_dir, .seed = seed});
}

std::string default_network(const data::Dataset& dataset) {
  for (const moe::NetworkPair& pair : moe::networks()) {
    if (pair.name == dataset.name) return std::string(pair.name);
  }
  for (const moe::NetworkPair& pair : moe::networks()) {
    if (pair.sample == dataset.sample_shape()) return std::string(pair.name);
  }
  throw UsageError(fmt::format("no network suits the samples {} of {}", dataset.sample_shape(), dataset.name));
}

moe::ModelOptions model_options(const TrainConfig& config, const data::Dataset& dataset) {
  moe::ModelOptions options;
  options.model = config.model;
  options.network = config.network.empty() ? default_network(dataset) : config.network;
  options.experts = config.experts;
  options.k = config.k;
  options.classes = dataset.classes;
  options.temperature = config.temperature;
  const moe::NetworkPair& pair = moe::find_network(options.network);
  if (pair.sample != dataset.sample_shape()) {
    throw UsageError(fmt::format("--net {} takes samples {}, {} has {}; try --net {}", options.network, pair.sample,
                                 dataset.name, dataset.sample_shape(), default_network(dataset)));
  }
  if (dataset.classes < 1) throw UsageError(fmt::format("{} has no classes to learn", dataset.name));
  return options;
}

Cost flops_per_sample(moe::Model& model, const moe::RoutingOptions& routing, const data::Dataset& dataset) {
  const NoGrad no_grad;
  const bool was_training = model.is_training();
  model.eval();
  const int64_t samples = std::min<int64_t>(64, dataset.size());
  data::Loader loader(dataset, {.batch = samples, .prefetch = 0});
  const Variable x(loader.next()->x);
  Generator random;
  const auto count = [&](const moe::RoutingOptions& options) {
    const FlopCounter counter;
    model.run(x, options, random);
    return counter.flops() / samples;
  };
  const Cost cost{count(routing), count({})};
  model.train(was_training);
  return cost;
}

nlohmann::ordered_json metrics_json(const moe::Record& record) {
  nlohmann::ordered_json json;
  json["accuracy"] = moe::accuracy(record);
  json["mutual_information_label_bits"] = moe::mutual_information_label_bits(record);
  json["mutual_information_prediction_bits"] = moe::mutual_information_prediction_bits(record);
  json["sample_entropy_bits"] = moe::sample_entropy_bits(record);
  json["usage_entropy_bits"] = moe::usage_entropy_bits(record);
  json["experts_used"] = moe::experts_used(record);
  return json;
}

std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

std::string metrics_text(const moe::Record& record, const data::Dataset& dataset, const std::string& part,
                         bool colour) {
  std::string text =
      fmt::format("{:<26}{} of {} samples\n", part + " accuracy", percent(moe::accuracy(record)), record.size());
  if (record.experts > 1) {
    const double most = std::log2(static_cast<double>(record.experts));
    const auto line = [&](const char* name, double bits, const char* note) {
      text += fmt::format("{:<26}{:.2f} bits{}\n", name, bits, note);
    };
    line("I(expert; label)", moe::mutual_information_label_bits(record), "");
    line("I(expert; prediction)", moe::mutual_information_prediction_bits(record), "");
    line("gate's entropy, a sample", moe::sample_entropy_bits(record), "   0: the gate is certain");
    line("gate's entropy, mean", moe::usage_entropy_bits(record),
         fmt::format("   {:.2f}: all experts used alike", most).c_str());
    text += fmt::format("{:<26}{} of {}\n", "experts used", moe::experts_used(record), record.experts);
  }
  std::vector<std::string> names;
  for (int64_t c = 0; c < record.classes; ++c) names.push_back(dataset.class_name(c));
  if (record.experts > 1 && record.experts <= 32) {
    text += fmt::format("\nwhere the samples of a class went ({} part, %):\n\n", part);
    text += class_expert_text(moe::class_expert_table(record), names, colour);
  }
  return text;
}

}  // namespace divvy::app
