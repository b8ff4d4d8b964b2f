#include <atomic>
#include <csignal>
#include <cstdio>

#include "apps/commands.h"
#include "apps/exit_code.h"
#include "apps/picture.h"
#include "apps/progress.h"
#include "apps/run_folder.h"
#include "apps/run_support.h"
#include "apps/terminal.h"
#include "apps/version.h"
#include "moe/metrics.h"
#include "tensor/allocator.h"
#include "tensor/parallel.h"

namespace divvy::app {

namespace {

std::atomic<bool> interrupted{false};

/// Notes SIGINT and SIGTERM while it lives; a second signal ends the program at once.
class SignalGuard {
 public:
  SignalGuard() {
    interrupted = false;
    for (int signal : {SIGINT, SIGTERM}) {
      std::signal(signal, [](int number) {
        interrupted = true;
        std::signal(number, SIG_DFL);
      });
    }
  }
  ~SignalGuard() {
    for (int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
  }
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
};

/// Everything that is settled before the first step.
struct Plan {
  data::Splits data;
  moe::ModelOptions model_options;
  moe::Recipe recipe;
  moe::TrainerOptions trainer;
  std::shared_ptr<moe::Model> model;
  Cost cost;
};

/// Fills in the settings whose default depends on the data.
Plan make_plan(TrainConfig& config) {
  Plan plan;
  plan.data = load_data(config.data, config.data_dir, config.seed);
  plan.model_options = model_options(config, plan.data.train);
  config.network = plan.model_options.network;
  if (config.batch == 0) config.batch = plan.data.train.size() < 20000 ? 64 : 512;
  const bool single = config.model == "single";
  const moe::OptimizerOptions optimizer{.name = config.optimizer,
                                        .learning_rate = config.learning_rate,
                                        .weight_decay = config.weight_decay,
                                        .momentum = config.momentum};
  if (single && config.importance > 0)
    throw UsageError("--importance balances experts; --model single has one, leave it out");
  plan.recipe = moe::joint(moe::routing_of(plan.model_options, true), {.importance = config.importance}, optimizer,
                           config.fast_dev_run ? 1 : config.epochs);
  plan.recipe.stages[0].clip_norm = config.clip_norm;
  plan.trainer = {.batch = config.batch,
                  .seed = config.seed,
                  .batch_limit = config.fast_dev_run ? 1 : 0,
                  .evaluation = moe::routing_of(plan.model_options, false),
                  .augment = {}};
  Generator weights(config.seed);
  plan.model = moe::build_model(plan.model_options, weights);
  plan.cost = flops_per_sample(*plan.model, plan.trainer.evaluation, plan.data.train);
  return plan;
}

std::string describe(const Plan& plan, const TrainConfig& config) {
  const moe::ModelOptions& options = plan.model_options;
  const auto& model = *plan.model;
  const int64_t experts = model.expert_stack()->parameter_count();
  std::string text = fmt::format("data      {}: {} train, {} validation, {} test samples {}, {} classes\n", config.data,
                                 grouped(plan.data.train.size()), grouped(plan.data.validation.size()),
                                 grouped(plan.data.test.size()), plan.data.train.sample_shape(), options.classes);
  if (model.has_gate()) {
    text += fmt::format("model     {}, {} experts of {} parameters, gate of {}, network {}\n", options.model,
                        model.experts(), grouped(experts / model.experts()), grouped(model.parameter_count() - experts),
                        options.network);
  } else {
    text += fmt::format("model     {}, {} parameters, network {}\n", options.model, grouped(experts), options.network);
  }
  text += fmt::format("routing   {} in training, {} in evaluation\n", plan.recipe.stages[0].routing.to_string(),
                      plan.trainer.evaluation.to_string());
  text += fmt::format("cost      {} FLOP a sample forward, {} with every expert evaluated\n", grouped(plan.cost.routed),
                      grouped(plan.cost.dense));
  text += fmt::format("training  {} {}, {}, learning rate {}, weight decay {}, importance {}, batch {}\n",
                      config.epochs, config.epochs == 1 ? "epoch" : "epochs", config.optimizer, config.learning_rate,
                      config.weight_decay, config.importance, config.batch);
  return text + fmt::format("seed      {}, {} threads\n", config.seed, num_threads());
}

/// Peak memory of one step, measured by taking it on a model of its own.
int64_t measured_step_bytes(const Plan& plan, const TrainConfig& config) {
  Generator weights(config.seed);
  const auto model = moe::build_model(plan.model_options, weights);
  moe::Recipe recipe = plan.recipe;
  recipe.stages[0].epochs = 1;
  moe::TrainerOptions once = plan.trainer;
  once.batch_limit = 1;
  data::Splits train_only;
  train_only.train = plan.data.train;
  moe::train(*model, recipe, train_only, once);
  return allocator(Device::cpu()).stats().peak_bytes;
}

nlohmann::ordered_json epoch_row(const moe::EpochReport& report) {
  nlohmann::ordered_json row;
  row["epoch"] = report.epoch;
  row["stage"] = report.stage;
  row["loss"] = report.loss;
  for (const auto& [name, value] : report.regularisers) row[name] = value;
  row["accuracy"] = report.accuracy;
  row["temperature"] = report.temperature;
  row["learning_rate"] = report.learning_rate;
  row["samples_per_second"] = report.samples_per_second;
  if (report.validation.size() > 0) {
    const auto metrics = metrics_json(report.validation);  // items() does not keep its object alive
    for (const auto& [key, value] : metrics.items()) row[fmt::format("val_{}", key)] = value;
  }
  return row;
}

/// One training run: progress, metrics, checkpoints.
class Run {
 public:
  Run(Plan& plan, const TrainConfig& config, RunFolder folder)
      : plan_(plan), config_(config), folder_(std::move(folder)), progress_(!config.quiet) {}

  int run() {
    const SignalGuard signals;
    moe::TrainerHooks hooks;
    hooks.on_batch = [this](const moe::BatchReport& report) { on_batch(report); };
    hooks.on_epoch = [this](const moe::EpochReport& report) { on_epoch(report); };
    hooks.stop = [] { return interrupted.load(); };
    const bool finished = moe::train(*plan_.model, plan_.recipe, plan_.data, plan_.trainer, hooks);
    progress_.clear();
    save("last");
    if (finished) return kDone;
    message(fmt::format("interrupted in epoch {}; the weights are saved in {}", epoch_ + 1,
                        folder_.file("checkpoints/last").string()));
    return kInterrupted;
  }

  /// Tests the model, writes the summary and the picture, and prints the results.
  void conclude() {
    const moe::Record test = moe::evaluate(*plan_.model, plan_.data.test, plan_.trainer);
    moe::save_record(folder_.file("routing.safetensors").string(), test);
    folder_.write_json("summary.json", summary(test));
    std::string text = metrics_text(test, plan_.data.test, "test", use_colour(stdout));
    folder_.log(metrics_text(test, plan_.data.test, "test", false));
    text += fmt::format("\nrun folder  {}\n", folder_.path().string());
    if (test.experts > 1 && test.experts <= 64) {
      const auto picture = folder_.file("picture.svg");
      folder_.write_text(
          "picture.svg",
          division_svg(
              {fmt::format("{} experts divide {}", test.experts, config_.data),
               fmt::format("{}, test accuracy {}, I(expert; label) {:.2f} bits; % of each class by expert",
                           config_.model, percent(moe::accuracy(test)), moe::mutual_information_label_bits(test))},
              test, plan_.data.test));
      text += fmt::format("picture     {}\n", picture.string());
    }
    fmt::print("{}", text);
  }

  void message(const std::string& line) {
    progress_.clear();
    fmt::print(stderr, "{}\n", line);
    folder_.log(line);
  }

 private:
  void on_batch(const moe::BatchReport& report) {
    if (report.batch == 1) progress_.start(fmt::format("epoch {}/{}", report.epoch, report.epochs), report.batches);
    progress_.update(report.batch, report.samples, fmt::format("loss {:.4f}", report.loss));
  }

  void on_epoch(const moe::EpochReport& report) {
    epoch_ = report.epoch;
    seconds_ += report.train_seconds;
    samples_per_second_ = report.samples_per_second;
    folder_.append_metrics(epoch_row(report));
    std::string line = fmt::format("epoch {:>{}}/{}  loss {:.4f}  accuracy {:.4f}", report.epoch,
                                   fmt::formatted_size("{}", plan_.recipe.epochs()), plan_.recipe.epochs(), report.loss,
                                   report.accuracy);
    if (report.validation.size() > 0) {
      val_accuracy_ = moe::accuracy(report.validation);
      line += fmt::format("  val accuracy {:.4f}", val_accuracy_);
      if (plan_.model->has_gate())
        line += fmt::format("  I(expert; label) {:.2f} bits", moe::mutual_information_label_bits(report.validation));
    }
    line += fmt::format("  [{}, {:.0f} samples/s]", clock_time(report.train_seconds), report.samples_per_second);
    progress_.finish(line);
    folder_.log(line);
    save("last");
    if (report.validation.size() > 0 && val_accuracy_ > best_accuracy_) {
      best_accuracy_ = val_accuracy_;
      save("best");
    }
  }

  void save(const std::string& name) {
    nlohmann::ordered_json state;
    state["epoch"] = epoch_;
    state["val_accuracy"] = val_accuracy_;
    state["divvy_version"] = kVersion;
    folder_.save_checkpoint(name, *plan_.model, state);
  }

  nlohmann::ordered_json summary(const moe::Record& test) const {
    nlohmann::ordered_json json;
    json["data"] = config_.data;
    json["model"] = config_.model;
    json["network"] = plan_.model_options.network;
    json["recipe"] = plan_.recipe.name;
    json["seed"] = config_.seed;
    json["epochs"] = epoch_;
    json["experts"] = plan_.model->experts();
    json["parameters"] = plan_.model->parameter_count();
    json["train_seconds"] = seconds_;
    json["samples_per_second"] = samples_per_second_;
    json["val_accuracy"] = val_accuracy_;
    const nlohmann::ordered_json metrics = metrics_json(test);
    json["test_accuracy"] = metrics["accuracy"];
    for (const auto& [key, value] : metrics.items()) {
      if (key != "accuracy") json[key] = value;
    }
    json["flops_per_sample_dense"] = plan_.cost.dense;
    json["flops_per_sample_routed"] = plan_.cost.routed;
    json["peak_memory_bytes"] = allocator(Device::cpu()).stats().peak_bytes;
    return json;
  }

  Plan& plan_;
  const TrainConfig& config_;
  RunFolder folder_;
  Progress progress_;
  int64_t epoch_ = 0;
  double seconds_ = 0, samples_per_second_ = 0, val_accuracy_ = 0, best_accuracy_ = -1;
};

}  // namespace

int train_command(TrainConfig config, const CLI::App& command) {
  if (config.threads > 0) set_num_threads(config.threads);
  Plan plan = make_plan(config);
  if (config.dry_run) {
    fmt::print("{}memory    {} at the peak of a step, the data set included\n\n{}", describe(plan, config),
               bytes_text(measured_step_bytes(plan, config)), plan.model->summary());
    return kDone;
  }
  const std::string name = config.name.empty() ? fmt::format("{}-{}", config.data, config.model) : config.name;
  RunFolder folder =
      RunFolder::create(config.run_dir.empty() ? RunFolder::default_path(name) : std::filesystem::path(config.run_dir));
  folder.write_text("config.toml",
                    to_toml(command, {{"batch", fmt::format("{}", config.batch)}, {"net", config.network}}));
  folder.write_json("env.json", environment());
  const std::string description = describe(plan, config);
  folder.log(description);
  if (!config.quiet) fmt::print(stderr, "{}\n", description);
  Run run(plan, config, std::move(folder));
  try {
    const int code = run.run();
    if (code == kDone) run.conclude();
    return code;
  } catch (const NonFiniteError& error) {
    run.message(error.what());
    throw;
  }
}

}  // namespace divvy::app
