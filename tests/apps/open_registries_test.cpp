// What a program of one's own adds to the registries of the libraries is there for the command line, too.

#include <algorithm>

#include "apps/commands/listing.h"
#include "apps/run/training_plan.h"
#include "apps/settings/idle_options.h"
#include "autograd/ops/binary.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/top_k.h"
#include "autograd/ops/unary.h"
#include "moe/analysis/metric_table.h"
#include "nn/loss.h"
#include "nn/sgd.h"
#include "tests/apps/workplace.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using namespace app;

TrainConfig parse(std::vector<std::string> arguments) {
  TrainConfig config;
  CLI::App command;
  add_train_options(command, config);
  std::ranges::reverse(arguments);
  command.parse(std::move(arguments));
  return config;
}

/// Punishes a gate for what it does not leave open.
void add_gate_energy() {
  moe::regularizers().add(
      {.name = "gate_energy",
       .summary = "mean square of the gate's probabilities",
       .help = "weight against a gate that is certain",
       .of = moe::RegularizerKind::Of::gate,
       .value = [](const moe::TermInputs& in) { return mean(square(in.forward().routing.probabilities)); }});
}

/// The expert behind the preferred one answers.
Tensor second_best(const moe::RuleInputs& in) {
  const Tensor best_two = top_k(in.scores.detach(), 2).indices;
  Tensor result = Tensor::empty({best_two.size(0), 1}, DType::i64);
  for (int64_t b = 0; b < best_two.size(0); ++b) {
    result.mutable_data<int64_t>()[b] = best_two.data<int64_t>()[2 * b + 1];
  }
  return result;
}
constexpr moe::RuleKind kSecondBest{.name = "second-best", .choose = second_best};

}  // namespace

TEST_CASE("a router of a program's own is a model of the command line") {
  moe::models().add({.name = "second-best",
                     .summary = "the expert behind the preferred one answers",
                     .gated = true,
                     .training = {.rule = moe::Rule::all},
                     .evaluation = {.rule = kSecondBest}});
  CHECK(mentions(listing(), "the expert behind the preferred one answers"));
  TrainConfig config = parse({"--model=second-best", "--data=multi-class", "--experts=3"});
  const Plan plan = make_plan(config);
  CHECK(mentions(describe(plan, config), "all in training, second-best in evaluation"));
  Generator random;
  const moe::Forward forward =
      plan.model->run(Variable(plan.data.test.x.slice(0, 20)), plan.trainer.evaluation, random);
  CHECK(forward.dispatch.rows() == 20);  // one expert a sample is evaluated
  for (int64_t b = 0; b < 20; ++b) {
    const auto scores = forward.routing.scores.value()[b].to_doubles();
    auto sorted = scores;
    std::ranges::sort(sorted);
    CHECK(scores[static_cast<size_t>(forward.routing.experts.data<int64_t>()[b])] == sorted[1]);
  }
}

TEST_CASE("optimizers, recipes, networks, losses and metrics of a program's own are those of the command line, too") {
  moe::optimizers().add({.name = "plain",
                         .summary = "gradient descent",
                         .make = [](std::vector<nn::ParameterGroup> groups, const moe::OptimizerOptions& options) {
                           return std::make_unique<nn::SGD>(std::move(groups),
                                                            nn::SGDOptions{.lr = options.learning_rate});
                         }});
  moe::recipes().add(
      {.name = "twice", .summary = "joint training in two stages", .stages = [](const moe::Method& method) {
         const auto stage =
             moe::joint(moe::routing_of(method.model, true), method.objective, method.optimizer, method.epochs)
                 .stages[0];
         return std::vector{stage, stage};
       }});
  moe::networks().add({.name = "wide-2d",
                       .summary = "2; one hidden layer of 9",
                       .sample = {2},
                       .expert = {.hidden = {9}},
                       .gate = {.hidden = {9}}});
  moe::losses().add({.name = "half-cross-entropy",
                     .summary = "half of it",
                     .with = moe::LossKind::With::labels,
                     .value = [](const moe::TermInputs& in) {
                       return mul(nn::cross_entropy_from_probabilities(in.forward().output, in.known().labels), 0.5);
                     }});
  moe::metrics().add({.name = "certainty",
                      .summary = "mean of the gate's greatest probability",
                      .told = [](const moe::Record& record) { return record.experts > 1; },
                      .value = [](const moe::Record&) { return 0.25; }});
  for (const char* summary : {"gradient descent", "joint training in two stages", "one hidden layer of 9", "half of it",
                              "mean of the gate's greatest probability"}) {
    CHECK(mentions(listing(), summary));
  }
  TrainConfig config = parse({"--data=multi-class", "--optimizer=plain", "--recipe=twice", "--net=wide-2d",
                              "--loss=half-cross-entropy", "--train-limit=64", "--epochs=1", "--experts=2"});
  const Plan plan = make_plan(config);
  REQUIRE(plan.recipe.stages.size() == 2);
  CHECK(moe::train(*plan.model, plan.recipe, plan.data, plan.trainer));
  CHECK(record_metrics(moe::evaluate(*plan.model, plan.data.test, plan.trainer), "test_")["test_certainty"] == 0.25);
  CHECK_THROWS_AS(parse({"--optimizer=plane"}), CLI::ValidationError);
}

TEST_CASE("a regularizer of a program's own has its option, help, listing, check and column") {
  add_gate_energy();
  CLI::App command;
  TrainConfig unused;
  add_train_options(command, unused);
  CHECK(mentions(command.help(), "--gate-energy"));
  CHECK(mentions(command.help(), "weight against a gate that is certain"));
  CHECK(mentions(listing(), "mean square of the gate's probabilities"));

  TrainConfig config = parse({"--gate-energy=0.5", "--importance=0.25", "--data=multi-class", "--train-limit=200"});
  CHECK(mentions(to_toml(config), "gate-energy = 0.5\n"));
  Plan plan = make_plan(config);
  CHECK(mentions(describe(plan, config), "cross-entropy + 0.25 importance + 0.5 gate energy"));
  std::vector<std::pair<std::string, double>> reported;
  plan.recipe.stages[0].epochs = 1;
  moe::TrainerHooks hooks;
  hooks.on_epoch = [&](const moe::EpochReport& report) { reported = report.regularizers; };
  moe::train(*plan.model, plan.recipe, plan.data, plan.trainer, hooks);
  REQUIRE(reported.size() == 2);
  CHECK(reported[1].first == "gate_energy");
  CHECK(reported[1].second > 0.01 - 1e-9);  // 1 / E^2 at the least, of 10 experts
  CHECK(reported[1].second < 1);

  TrainConfig single = parse({"--gate-energy=0.5", "--model=single"});
  CHECK(mentions(refusal<UsageError>([&] { make_plan(single); }), "--gate-energy acts on a gate"));
  CHECK_THROWS_AS(add_gate_energy(), ValueError);
}

}  // namespace divvy::test
