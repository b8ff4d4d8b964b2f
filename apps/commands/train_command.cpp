#include <cstdio>

#include "apps/commands/commands.h"
#include "apps/commands/listing.h"
#include "apps/exit_code.h"
#include "apps/run/threads.h"
#include "apps/run/training_run.h"
#include "apps/terminal/output.h"
#include "apps/terminal/terminal.h"
#include "datasets/device_samples.h"
#include "nn/plan.h"
#include "tensor/allocator.h"

namespace divvy::app {

namespace {

/// The last plans of a model's networks, one per line; those in which nothing could be fused are left out.
std::string plans_text(const nn::Module& model) {
  std::string text;
  for (const auto& [name, module] : model.named_modules()) {
    for (const nn::Plan& plan : module->plans()) {
      if (!plan.has_candidates()) continue;
      text += fmt::format("{}{}, {}\n", text.empty() ? "fused     " : "          ", name, plan.to_string());
    }
  }
  return text.empty() ? "fused     nothing: all layers are evaluated one by one\n" : text;
}

/// Plans and memory of one step of each stage, measured on a separate model, for a dry run.
std::string measured_step(const Plan& plan, const TrainConfig& config) {
  const Device device = config.device;
  Generator weights(config.seed);
  const auto model = moe::build_model(plan.model_options, weights);
  model->to(device);
  model->set_precision(config.precision);
  moe::Recipe recipe = plan.recipe;
  for (moe::Stage& stage : recipe.stages) stage.epochs = 1;
  moe::TrainerOptions once = plan.trainer;
  once.batch_limit = 1;
  data::Splits one_batch;
  one_batch.train = plan.data.train.slice(0, std::min(config.batch, plan.data.train.size()));
  moe::train(*model, recipe, one_batch, once);
  const std::string peak = bytes_text(allocator(device).stats().peak_bytes);
  return fmt::format("{}memory    {} at the peak of a step, {}\n", plans_text(*model), peak,
                     device.is_cpu()
                         ? "the data set included"
                         : "and " + bytes_text(data::DeviceSamples::bytes(plan.data.train)) + " for the data set");
}

}  // namespace

int train_command(TrainConfig config) {
  if (config.list) {
    write_output(listing());
    return kDone;
  }
  if (config.run_dir.empty() && !config.name.empty()) require_folder_name("--name", config.name);
  use_threads(config.threads);
  require_hardware(config.device, config.precision);
  Plan plan = make_plan(config);
  if (config.dry_run) {
    print_output("{}{}\n{}", describe(plan, config), measured_step(plan, config), plan.model->summary());
    return kDone;
  }
  const std::string name = config.name.empty() ? fmt::format("{}-{}", config.data, config.model().model) : config.name;
  RunFolder folder = config.run_dir.empty() ? RunFolder::create_default(name) : RunFolder::create(config.run_dir);
  plan.model->to(config.device);
  const RunOutcome outcome = run_training(plan, config, folder);
  if (!outcome.finished) return kInterrupted;
  std::string text = evaluation_text(outcome.test, plan.data.test, "test", use_color(stdout));
  text += fmt::format("\nrun folder  {}\n", folder.path().string());
  for (const std::string& picture : outcome.pictures) {
    text += fmt::format("picture     {}\n", folder.file(picture).string());
  }
  write_output(text);
  return kDone;
}

}  // namespace divvy::app
