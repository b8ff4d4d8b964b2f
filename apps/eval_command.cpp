#include <cstdio>

#include "apps/commands.h"
#include "apps/exit_code.h"
#include "apps/run_folder.h"
#include "apps/run_support.h"
#include "apps/terminal.h"
#include "moe/metrics.h"
#include "tensor/parallel.h"
#include "tensor/safetensors.h"

namespace divvy::app {

namespace {

/// The settings that a run was trained with, read back from its config.toml.
TrainConfig settings_of(const std::filesystem::path& run) {
  const std::string path = (run / "config.toml").string();
  read_run_file(path);  // a missing file is an error of the run folder, not of the command line
  CLI::App command;
  TrainConfig config;
  add_train_options(command, config);
  try {
    auto arguments = with_config_file(command, {"--config", path});
    std::ranges::reverse(arguments);
    command.parse(std::move(arguments));
  } catch (const CLI::Error& error) {
    fail<CheckpointError>("{}: {}", path, error.what());
  } catch (const UsageError& error) {
    fail<CheckpointError>("{}", error.what());
  }
  return config;
}

std::string class_report_text(const moe::Record& record, const data::Dataset& dataset) {
  const auto reports = moe::class_reports(moe::confusion_matrix(record));
  size_t widest = 5;
  for (int64_t c = 0; c < record.classes; ++c) widest = std::max(widest, dataset.class_name(c).size());
  std::string text = fmt::format("{:<{}}  precision  recall     f1  samples\n", "class", widest);
  for (size_t c = 0; c < reports.size(); ++c) {
    text += fmt::format("{:<{}}  {:>9.4f}  {:>6.4f}  {:>5.3f}  {:>7}\n", dataset.class_name(static_cast<int64_t>(c)),
                        widest, reports[c].precision, reports[c].recall, reports[c].f1, reports[c].support);
  }
  return text;
}

std::string confusion_text(const moe::Record& record, const data::Dataset& dataset) {
  const auto counts = moe::confusion_matrix(record);
  size_t widest = 5;
  for (int64_t c = 0; c < record.classes; ++c) widest = std::max(widest, dataset.class_name(c).size());
  std::string text = fmt::format("confusion: rows are labels, columns predictions\n{:<{}}", "", widest);
  for (int64_t c = 0; c < record.classes; ++c) text += fmt::format("{:>7}", dataset.class_name(c).substr(0, 6));
  for (int64_t r = 0; r < record.classes; ++r) {
    text += fmt::format("\n{:<{}}", dataset.class_name(r), widest);
    for (int64_t count : counts[static_cast<size_t>(r)]) text += count == 0 ? "      ·" : fmt::format("{:>7}", count);
  }
  return text + "\n";
}

}  // namespace

int eval_command(const EvalConfig& config) {
  if (config.threads > 0) set_num_threads(config.threads);
  const std::filesystem::path run(config.run);
  const TrainConfig settings = settings_of(run);
  const std::string data_dir = config.data_dir.empty() ? settings.data_dir : config.data_dir;
  const data::Splits data = load_data(settings.data, data_dir, settings.seed);
  const moe::ModelOptions options = model_options(settings, data.train);
  Generator weights(settings.seed);
  const auto model = moe::build_model(options, weights);
  const auto checkpoint = run / "checkpoints" / config.checkpoint / "weights.safetensors";
  model->load_state_dict(load_safetensors(checkpoint.string()).tensors);

  const moe::TrainerOptions how{
      .batch = config.batch, .seed = settings.seed, .evaluation = moe::routing_of(options, false), .augment = {}};
  const moe::Record record = moe::evaluate(*model, data.test, how);
  const Cost cost = flops_per_sample(*model, how.evaluation, data.test);
  fmt::print("{}\n", metrics_text(record, data.test, "test", use_colour(stdout)));
  if (record.classes <= 20) fmt::print("{}\n", confusion_text(record, data.test));
  fmt::print("{}\n", class_report_text(record, data.test));
  fmt::print("evaluated {:.2f} experts a sample, {} FLOP a sample ({} with every expert)\n",
             static_cast<double>(record.evaluated_rows) / static_cast<double>(record.size()), grouped(cost.routed),
             grouped(cost.dense));
  return kDone;
}

}  // namespace divvy::app
