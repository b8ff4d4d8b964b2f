#include <cstdio>
#include <map>
#include <set>

#include "apps/commands/commands.h"
#include "apps/commands/listing.h"
#include "apps/exit_code.h"
#include "apps/run/training_run.h"
#include "apps/terminal/terminal.h"
#include "datasets/device_samples.h"
#include "nn/fused_stack.h"
#include "tensor/allocator.h"
#include "tensor/parallel.h"

namespace divvy::app {

namespace {

/// "experts 7 of 7 layers, gate 4 of 8".
std::string fused_text(nn::Module& model, const std::set<const nn::Module*>& fused) {
  std::map<std::string, std::pair<int64_t, int64_t>> parts;  // how many are fused, and how many there are
  for (const auto& [name, module] : model.named_modules()) {
    const std::string part = name.substr(0, name.find('.'));
    // Only what has nothing below it is a layer.
    if (module->named_modules().size() > 1 || part.empty()) continue;
    parts[part].first += static_cast<int64_t>(fused.count(module));
    ++parts[part].second;
  }
  std::string text;
  for (const auto& [part, count] : parts) {
    text += fmt::format("{}{} {} of {} layers", text.empty() ? "" : ", ", part, count.first, count.second);
  }
  return text;
}

/// What one step of each stage takes, measured by taking it on a model of its own: the lines of a dry run.
std::string measured_step(const Plan& plan, const TrainConfig& config, Device device) {
  Generator weights(config.seed);
  const auto model = moe::build_model(plan.model_options, weights);
  model->to(device);
  moe::Recipe recipe = plan.recipe;
  for (moe::Stage& stage : recipe.stages) stage.epochs = 1;
  moe::TrainerOptions once = plan.trainer;
  once.batch_limit = 1;
  data::Splits one_batch;
  one_batch.train = plan.data.train.slice(0, std::min(config.batch, plan.data.train.size()));
  const nn::FusionWatch watch;
  moe::train(*model, recipe, one_batch, once);
  const std::string peak = bytes_text(allocator(device).stats().peak_bytes);
  return fmt::format(
      "fused     {}: evaluated as one operation, with the samples in the lanes of vectors\n"
      "memory    {} at the peak of a step, {}\n",
      fused_text(*model, watch.modules()), peak,
      device.is_cpu() ? "the data set included"
                      : "and " + bytes_text(data::DeviceSamples::bytes(plan.data.train)) + " for the data set");
}

}  // namespace

int train_command(TrainConfig config) {
  if (config.list) {
    fmt::print("{}", listing());
    return kDone;
  }
  if (config.threads > 0) set_num_threads(config.threads);
  const Device device = chosen_device(config.device);
  use_precision(config.precision, device);
  Plan plan = make_plan(config);
  if (config.dry_run) {
    fmt::print("{}{}\n{}", describe(plan, config), measured_step(plan, config, device), plan.model->summary());
    return kDone;
  }
  const std::string name = config.name.empty() ? fmt::format("{}-{}", config.data, config.model) : config.name;
  RunFolder folder =
      RunFolder::create(config.run_dir.empty() ? RunFolder::default_path(name) : std::filesystem::path(config.run_dir));
  plan.model->to(device);
  const RunOutcome outcome = run_training(plan, config, folder);
  if (!outcome.finished) return kInterrupted;
  std::string text = evaluation_text(outcome.test, plan.data.test, "test", use_color(stdout));
  text += fmt::format("\nrun folder  {}\n", folder.path().string());
  for (const std::string& picture : outcome.pictures) {
    text += fmt::format("picture     {}\n", folder.file(picture).string());
  }
  fmt::print("{}", text);
  return kDone;
}

}  // namespace divvy::app
