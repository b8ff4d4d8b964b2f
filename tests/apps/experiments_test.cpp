// The configuration files under apps/experiments: each is read by the command's own parser and planned to the end.

#include <algorithm>
#include <filesystem>

#include "apps/run/training_run.h"
#include "datasets/catalog.h"
#include "tests/apps/workplace.h"
#include "tests/support/catch.h"

namespace divvy::test {

using namespace divvy::app;

namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(source_path()) / "apps/experiments";

std::vector<fs::path> experiments() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(kFolder)) {
    // What several share is no experiment of its own.
    const bool base = entry.path().parent_path().filename() == "base";
    if (entry.path().extension() == ".toml" && !base) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

TrainConfig settings_of(const fs::path& file) {
  CLI::App command;
  TrainConfig config;
  add_train_options(command, config);
  auto arguments = with_config_file(command, {"--config", file.string()});
  std::ranges::reverse(arguments);
  command.parse(std::move(arguments));
  return config;
}

/// A few samples of the shape and with the classes of a data set whose files need not be there.
data::Splits stand_in(const std::string& name, int64_t count) {
  const data::CatalogEntry& entry = data::find_entry(name);
  if (entry.files.empty()) return data::load(name);
  const bool color = entry.sample.starts_with("3");
  data::Dataset part;
  part.name = name;
  part.x = Tensor::zeros(color ? Shape{count, 3, 32, 32} : Shape{count, 1, 28, 28}, DType::u8);
  part.y = Tensor::zeros({count}, DType::i64);
  part.classes = entry.classes;
  for (int64_t i = 0; i < count; ++i) {
    part.y.mutable_data<int64_t>()[i] = i % entry.classes;
    part.x.mutable_data<uint8_t>()[i * part.sample_shape().numel()] = static_cast<uint8_t>(i + 1);
  }
  part.normalization =
      color ? data::Normalization{{0.5, 0.5, 0.5}, {0.25, 0.25, 0.25}} : data::Normalization{{0.5}, {0.5}};
  return {part, part, part};
}

/// Makes the run whose outputs measure distances, as the README of the experiments says, from one step.
void train_distance_network(const fs::path& run) {
  TrainConfig config = settings_of(kFolder / "cifar10/wideresnet.toml");
  config.fast_dev_run = config.quiet = true;
  config.batch = 2;
  Plan plan = make_plan(config, stand_in(config.data, 2));
  RunFolder folder = RunFolder::create(run);
  REQUIRE(run_training(plan, config, folder).finished);
}

}  // namespace

TEST_CASE("every experiment can be planned") {
  const TemporaryFolder work;
  const fs::path distance = work.path() / "wideresnet-40-4";
  train_distance_network(distance);
  const auto files = experiments();
  CHECK(files.size() > 200);
  for (const fs::path& file : files) {
    INFO(file.string());
    TrainConfig config = settings_of(file);
    CHECK((config.quirks.empty() || file.stem() == "zero_gate"));
    if (config.distance != "pixels") {
      CHECK(config.distance == "runs/wideresnet-40-4");
      config.distance = distance.string();
    }
    const int64_t epochs = config.method.epochs;
    const Plan plan = make_plan(config, stand_in(config.data, 4));
    CHECK(plan.recipe.epochs() >= epochs);
    CHECK(plan.model_options.network == config.model().network);
    CHECK((config.distance == "pixels") == (plan.recipe.stages.front().objective.distance_features == nullptr));
    CHECK(!describe(plan, config).empty());
  }
}

TEST_CASE("experiments have the settings of their names") {
  for (const fs::path& file : experiments()) {
    INFO(file.string());
    const TrainConfig config = settings_of(file);
    const std::string name = file.stem().string(), folder = file.parent_path().filename().string();
    const auto named = [&](const char* part) { return name.find(part) != std::string::npos; };
    CHECK(named("attention") == (config.model().gate == moe::GateKind::attentive));
    CHECK(named("distilled") == (config.recipe == "distil"));
    CHECK((named("importance") || folder == "toy") == (config.method.objective.weight("importance") > 0));
    CHECK(named("sample_similarity") == (config.method.objective.weight("similarity_same") > 0));
    CHECK(named("_then_") == (config.recipe == "no-gate-then-gate"));
    CHECK(named("prechosen") == config.recipe.starts_with("pre-chosen"));
    if (named("top1")) CHECK(config.model().model == "top-1");
    if (named("top2")) CHECK((config.model().model == "top-k" && config.model().k == 2));
    if (named("stochastic")) CHECK(config.model().model == "stochastic");
    if (named("single")) CHECK(config.model().model == "single");
  }
}

TEST_CASE("experiments run, and their models can be tested again") {
  const Workplace work;
  const auto runs = [&](const std::string& experiment, const std::string& more = "") {
    const std::string run = "run-" + fs::path(experiment).stem().string();
    const Result train = work.run("train --config " + (kFolder / experiment).string() +
                                  ".toml --fast-dev-run --quiet " + more + " --run-dir " + run);
    INFO(experiment << ": " << train.err);
    CHECK(train.code == 0);
    const Result eval = work.run("eval " + run);
    INFO(eval.err);
    CHECK(eval.code == 0);
  };
  for (const char* name : {"multi_class_5", "multi_class_pre_softmax", "checker_board_rotated", "two_learning_rates"}) {
    runs(std::string("toy/") + name);
  }
  for (const char* name : {"mixture", "stochastic", "top1", "em"}) runs(std::string("barber/") + name);
  // The embedded digits have the shape of MNIST.
  for (const char* name : {"attention_top2_importance", "sample_similarity", "loss_gate", "no_gate_entropy",
                           "no_gate_self_information_then_top2", "distilled_attention_stochastic"}) {
    runs(std::string("mnist/") + name, "--data glyphs");
  }
  for (const char* name : {"prechosen_same", "random"}) runs(std::string("mnist-transfer/") + name, "--data glyphs");
}

}  // namespace divvy::test
