#include <cstdio>

#include "apps/commands.h"
#include "apps/exit_code.h"
#include "apps/listing.h"
#include "apps/terminal.h"
#include "apps/training_run.h"
#include "tensor/allocator.h"
#include "tensor/parallel.h"

namespace divvy::app {

namespace {

/// Peak memory of one step of each stage, measured by taking it on a model of its own.
int64_t measured_step_bytes(const Plan& plan, const TrainConfig& config) {
  Generator weights(config.seed);
  const auto model = moe::build_model(plan.model_options, weights);
  moe::Recipe recipe = plan.recipe;
  for (moe::Stage& stage : recipe.stages) stage.epochs = 1;
  moe::TrainerOptions once = plan.trainer;
  once.batch_limit = 1;
  data::Splits one_batch;
  one_batch.train = plan.data.train.slice(0, std::min(config.batch, plan.data.train.size()));
  moe::train(*model, recipe, one_batch, once);
  return allocator(Device::cpu()).stats().peak_bytes;
}

}  // namespace

int train_command(TrainConfig config) {
  if (config.list) {
    fmt::print("{}", listing());
    return kDone;
  }
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
  const RunOutcome outcome = run_training(plan, config, folder);
  if (!outcome.finished) return kInterrupted;
  std::string text = evaluation_text(outcome.test, plan.data.test, "test", use_colour(stdout));
  text += fmt::format("\nrun folder  {}\n", folder.path().string());
  for (const std::string& picture : outcome.pictures) {
    text += fmt::format("picture     {}\n", folder.file(picture).string());
  }
  fmt::print("{}", text);
  return kDone;
}

}  // namespace divvy::app
