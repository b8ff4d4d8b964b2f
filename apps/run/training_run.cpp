#include "apps/run/training_run.h"

#include <cstdio>
#include <set>

#include "apps/report/run_pictures.h"
#include "apps/run/device_plan.h"
#include "apps/run/run_config.h"
#include "apps/run/signals.h"
#include "apps/terminal/expert_table.h"
#include "apps/terminal/output.h"
#include "apps/terminal/progress.h"
#include "apps/terminal/terminal.h"
#include "apps/version.h"
#include "moe/analysis/agreement.h"
#include "moe/analysis/metrics.h"
#include "tensor/allocator.h"

namespace divvy::app {

namespace {

/// The names of the regularizers of all stages, in the order of their first occurrence.
std::vector<std::string> regularizers_of(const moe::Recipe& recipe) {
  std::vector<std::string> names;
  for (const moe::Stage& stage : recipe.stages) {
    for (std::string& name : stage.objective.names()) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
    }
  }
  return names;
}

class Run {
 public:
  Run(Plan& plan, const TrainConfig& config, RunFolder& folder)
      : plan_(plan),
        config_(config),
        folder_(folder),
        progress_(!config.quiet),
        regularizers_(regularizers_of(plan.recipe)),
        told_obstacles_(graph_obstacles(plan)) {}

  bool train() {
    const SignalGuard signals;
    save("last");  // what would keep the results from being saved is found before there are any
    moe::TrainerHooks hooks;
    hooks.on_batch = [this](const moe::BatchReport& report) { on_batch(report); };
    hooks.on_epoch = [this](const moe::EpochReport& report) { on_epoch(report); };
    hooks.stop = [] { return SignalGuard::interrupted(); };
    const bool finished = moe::train(*plan_.model, plan_.recipe, plan_.data, plan_.trainer, hooks);
    progress_.clear();
    save("last");
    if (!finished) {
      message(fmt::format("interrupted in epoch {}; the weights are saved in {}", epoch_ + 1,
                          folder_.file("checkpoints/last").string()));
    }
    return finished;
  }

  /// Tests the model and writes the remaining files of the run.
  void conclude(RunOutcome& outcome) {
    outcome.test = evaluate_both(*plan_.model, plan_.data.test, plan_.trainer);
    moe::save_record(folder_.file("routing.safetensors").string(), outcome.test.routed);
    outcome.summary = summary(outcome.test);
    folder_.write_json("summary.json", outcome.summary);
    folder_.log(evaluation_text(outcome.test, plan_.data.test, "test", false));
    outcome.pictures = draw_pictures(plan_, config_, outcome.test, history_, folder_);
  }

  void log_error(const std::string& line) {
    progress_.clear();
    folder_.log(line);
  }

 private:
  void message(const std::string& line) {
    progress_.clear();
    print_error("{}\n", line);
    folder_.log(line);
  }

  /// The validation score; higher is better.
  static double score(const moe::EpochReport& report) {
    const moe::Record& record = report.validation;
    return record.is_regression() ? -moe::mean_squared_error(record) : report.validation_accuracy;
  }

  std::string epoch_label(int64_t epoch) const {
    const int64_t epochs = plan_.recipe.epochs();
    return fmt::format("epoch {:>{}}/{}", epoch, fmt::formatted_size("{}", epochs), epochs);
  }

  void on_batch(const moe::BatchReport& report) {
    if (report.batch == 1) progress_.start(fmt::format("epoch {}/{}", report.epoch, report.epochs), report.batches);
    progress_.update(report.batch, report.samples, [&] { return fmt::format("loss {:.4f}", report.loss()); });
  }

  void on_epoch(const moe::EpochReport& report) {
    epoch_ = report.epoch;
    seconds_ += report.train_seconds;
    samples_per_second_ = report.samples_per_second;
    train_ = {report.loss, report.accuracy};
    remember(report);
    folder_.append_metrics(row_of(report));
    tell_obstacle(report.graph_obstacle);
    const std::string line = line_of(report);
    progress_.finish(line);
    folder_.log(line);
    save("last");
    if (report.stage != stage_) best_score_.reset();  // the best model of an earlier stage is no result of the recipe
    stage_ = report.stage;
    if (report.validation.size() == 0) return;
    validation_ = report.validation;
    validation_accuracy_ = report.validation_accuracy;
    if (!best_score_ || score(report) > *best_score_) {
      best_score_ = score(report);
      save("best");
    }
  }

  /// Reports why steps could not be replayed if the plan could not know it.
  void tell_obstacle(const std::string& obstacle) {
    if (obstacle.empty() || !told_obstacles_.insert(obstacle).second) return;
    const std::string line = "steps are taken one by one: " + obstacle;
    config_.quiet ? folder_.log(line) : message(line);
  }

  void remember(const moe::EpochReport& report) {
    history_.loss.push_back(report.loss);
    history_.train_error.push_back(100 * (1 - report.accuracy));
    if (report.validation.size() == 0) return;
    const moe::Record& record = report.validation;
    history_.val_samples_per_expert.push_back(moe::selected_counts(record));
    history_.val_error.push_back(record.is_regression() ? moe::mean_squared_error(record)
                                                        : 100 * (1 - report.validation_accuracy));
  }

  nlohmann::ordered_json row_of(const moe::EpochReport& report) const {
    nlohmann::ordered_json row;
    row["epoch"] = report.epoch;
    row["stage"] = report.stage;
    row["loss"] = report.loss;
    for (const std::string& name : regularizers_) {
      row[name] = nullptr;
      for (const auto& [known, value] : report.regularizers) {
        if (known == name) row[name] = value;
      }
    }
    if (!plan_.regression()) row["accuracy"] = report.accuracy;
    row["temperature"] = report.temperature;
    row["learning_rate"] = report.learning_rate;
    row["samples_per_second"] = report.samples_per_second;
    if (report.validation.size() > 0) {
      row.update(epoch_metrics(report.validation, "val_"));
      if (report.validation.is_classification()) row["val_accuracy"] = report.validation_accuracy;
      if (plan_.model->experts() > 1) row["val_switch_rate"] = switch_rate(report.validation);
      row["val_samples_per_expert"] = history_.val_samples_per_expert.back();
    }
    return row;
  }

  /// The share of validation samples whose expert changed since the previous epoch; null in the first.
  nlohmann::ordered_json switch_rate(const moe::Record& record) const {
    if (validation_.size() == 0) return nullptr;
    return moe::switch_rate(validation_, record);
  }

  std::string line_of(const moe::EpochReport& report) const {
    std::string line = epoch_label(report.epoch);
    if (plan_.recipe.stages.size() > 1) line += fmt::format("  {}", report.stage);
    line += fmt::format("  loss {:.4f}", report.loss);
    // If labels choose the experts, the accuracy is that of an oracle, which a user of the model does not get.
    const moe::Stage& stage = *std::ranges::find(plan_.recipe.stages, report.stage, &moe::Stage::name);
    const auto oracle = [](const moe::RoutingOptions& routing) {
      return routing.rule == moe::Rule::given || scored_by_labels(routing.scores) ? "oracle " : "";
    };
    if (!plan_.regression()) line += fmt::format("  {}accuracy {:.4f}", oracle(stage.routing), report.accuracy);
    if (report.validation.size() > 0) {
      const moe::Record& record = report.validation;
      line += record.is_regression()
                  ? fmt::format("  val squared error {:.6f}", moe::mean_squared_error(record))
                  : fmt::format("  val {}accuracy {:.4f}", oracle(stage.evaluation.value_or(plan_.trainer.evaluation)),
                                report.validation_accuracy);
      if (record.experts > 1 && record.has_labels() && record.is_divided())
        line += fmt::format("  I(expert; label) {:.2f} bits", moe::mutual_information_label_bits(record));
    }
    return line + fmt::format("  [{}, {:.0f} samples/s]", clock_time(report.train_seconds), report.samples_per_second);
  }

  void save(const std::string& name) {
    nlohmann::ordered_json state;
    state["epoch"] = epoch_;
    state["stage"] = stage_;
    if (validation_.is_classification()) state["val_accuracy"] = validation_accuracy_;
    if (validation_.is_regression()) state["val_mean_squared_error"] = moe::mean_squared_error(validation_);
    state["divvy_version"] = kVersion;
    folder_.save_checkpoint(name, *plan_.model, state);
  }

  nlohmann::ordered_json summary(const Evaluation& test) const {
    nlohmann::ordered_json json;
    json["data"] = config_.data;
    json["model"] = config_.model().model;
    json["gate"] = plan_.model->has_gate() ? name_of(config_.model().gate) : "none";
    json["network"] = plan_.model_options.network;
    json["recipe"] = plan_.recipe.name;
    json["loss"] = config_.loss;
    json["quirks"] = plan_.quirks.to_string();
    json["seed"] = config_.seed;
    json["epochs"] = epoch_;
    if (test.by_labels) json["evaluated_by_labels"] = true;
    json["train_samples"] = plan_.data.train.size();
    if (plan_.data.train.classes > 0) json["train_samples_per_class"] = plan_.data.train.class_counts();
    json["experts"] = plan_.model->experts();
    json["parameters"] = plan_.model->parameter_count();
    json["train_seconds"] = seconds_;
    json["samples_per_second"] = samples_per_second_;
    json["train_loss"] = train_.loss;
    if (!plan_.regression()) json["train_accuracy"] = train_.accuracy;
    if (validation_.size() > 0) json.update(record_metrics(validation_, "val_"));
    if (validation_.is_classification()) {
      json["val_accuracy"] = validation_accuracy_;
      json["val_error"] = 1 - validation_accuracy_;
    }
    json.update(evaluation_metrics(test, plan_.model_options.class_lists, "test_"));
    for (const char* key : {"mutual_information_label_bits", "mutual_information_prediction_bits",
                            "sample_entropy_bits", "usage_entropy_bits", "experts_used"}) {
      if (const auto found = json.find(fmt::format("test_{}", key)); found != json.end()) {
        const auto value = *found;
        json[key] = value;
      }
    }
    json["test_experts"] = expert_json(moe::expert_reports(test.analyzed()));
    const Cost cost = flops_per_sample(*plan_.model, plan_.trainer.evaluation, plan_.data.test);
    json["flops_per_sample_dense"] = cost.dense;
    json["flops_per_sample_routed"] = cost.routed;
    json["test_samples_per_second"] = static_cast<double>(test.routed.size()) / test.routed_seconds;
    json["peak_memory_bytes"] = allocator(Device::cpu()).stats().peak_bytes;
    return json;
  }

  Plan& plan_;
  const TrainConfig& config_;
  RunFolder& folder_;
  Progress progress_;
  std::vector<std::string> regularizers_;
  std::set<std::string> told_obstacles_;
  int64_t epoch_ = 0;
  std::string stage_;
  struct {
    double loss = 0, accuracy = 0;
  } train_;
  double seconds_ = 0, samples_per_second_ = 0;
  std::optional<double> best_score_;
  moe::Record validation_;  ///< that of the last epoch
  double validation_accuracy_ = 0;
  RunHistory history_;
};

}  // namespace

RunOutcome run_training(Plan& plan, const TrainConfig& config, RunFolder& folder) {
  folder.write_text("config.toml", with_checksum(to_toml(config)));
  folder.write_json("env.json", environment());
  const std::string description = describe(plan, config);
  folder.log(description);
  if (!config.quiet) print_error("{}\n", description);
  Run run(plan, config, folder);
  RunOutcome outcome;
  try {
    outcome.finished = run.train();
    if (outcome.finished) run.conclude(outcome);
  } catch (const NonFiniteError& error) {
    run.log_error(error.what());  // the caller prints it
    throw;
  }
  return outcome;
}

}  // namespace divvy::app
