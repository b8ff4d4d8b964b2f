// What a program of one's own adds to the registries of the libraries is there for the command line, too.

#include <algorithm>

#include "apps/commands/listing.h"
#include "apps/run/training_plan.h"
#include "apps/settings/idle_options.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/unary.h"
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

}  // namespace

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
