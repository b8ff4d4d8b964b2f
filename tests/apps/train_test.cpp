// Models, losses, recipes and data of `divvy train` by name: what runs of every kind leave behind.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/commands/listing.h"
#include "apps/run/training_plan.h"
#include "apps/settings/options.h"
#include "datasets/catalog.h"
#include "moe/analysis/metric_table.h"
#include "moe/model/models.h"
#include "moe/training/recipe.h"
#include "tests/apps/workplace.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace {

namespace fs = std::filesystem;
using namespace app;

/// The first line of the results, which has the accuracy or the squared error.
std::string outcome(const Result& result) { return result.out.substr(0, result.out.find('\n')); }

}  // namespace

TEST_CASE("the list has every name, one to a line that fits a screen") {
  const std::string text = listing();
  const auto listed = [&](std::string_view name) {
    INFO(name);
    CHECK(text.find("\n  " + std::string(name) + "  ") != std::string::npos);
  };
  for (const auto& row : moe::models()) listed(row.name);
  for (const auto& row : moe::recipes()) listed(row.name);
  for (const auto& row : moe::quirks()) listed(row.name);
  for (const auto& row : moe::named_class_lists()) listed(row.name);
  for (const auto& row : moe::networks()) listed(row.name);
  for (const auto& row : data::catalog()) listed(row.name);
  for (const auto& row : moe::losses()) listed(row.name);
  for (const auto& row : moe::regularizers()) listed(row.option());
  for (const auto& row : moe::optimizers()) listed(row.name);
  for (const auto& row : moe::metrics()) listed(row.name);
  for (const char* name : {"attentive", "escort", "arg-max", "likelihood", "--orthogonality"}) listed(name);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK(line.size() <= 125);
  }
  const Workplace work;
  const Result result = work.run("train --list");
  CHECK(result.code == 0);
  if (moe::regularizers().find("gate_energy") == nullptr) {  // of open_registries_test.cpp, in the same process
    CHECK(result.out == text);
  }
}

TEST_CASE("every setting goes through config.toml and back") {
  const std::vector<std::string> given = {"--data=multi-class",
                                          "--train-limit=1000",
                                          "--no-augment",
                                          "--model=top-k",
                                          "--gate=attentive",
                                          "--expert-output=escort",
                                          "--output=sampled",
                                          "--expert-hidden=pre-relu",
                                          "--net=hidden-2d",
                                          "--experts=3",
                                          "--k=3",
                                          "--class-lists=0,1|2,3|4,5",
                                          "--temperature=10x2,0.5x3",
                                          "--temperature-decay=0.1",
                                          "--temperature-decay-start=2",
                                          "--loss=likelihood",
                                          "--importance=0.123456789",
                                          "--similarity-same=2.62144",
                                          "--similarity-different=1e-07",
                                          "--class-balance=0.5",
                                          "--orthogonality=0.25",
                                          "--ideal-gate=0.75",
                                          "--gate-regression=2",
                                          "--recipe=distil",
                                          "--epochs=5",
                                          "--first-epochs=7",
                                          "--e-step=hard",
                                          "--e-step-every=3",
                                          "--batch=100",
                                          "--optimizer=rmsprop",
                                          "--lr=0.0123456789",
                                          "--weight-decay=0",
                                          "--momentum=0.5",
                                          "--clip-norm=3",
                                          "--quirks=zero-gate,double-softmax",
                                          "--seed=7"};
  const auto parse = [](std::vector<std::string> arguments) {
    TrainConfig config;
    CLI::App command;
    command.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // as the program has it
    add_train_options(command, config);
    std::ranges::reverse(arguments);
    command.parse(std::move(arguments));
    return config;
  };
  TrainConfig config = parse(given);
  const Plan plan = make_plan(config);
  CHECK(plan.data.train.size() == 1000);
  CHECK(plan.recipe.stages.size() == 2);
  CHECK(plan.recipe.stages[0].temperatures.schedule == std::vector<double>{10, 10, 0.5, 0.5, 0.5});
  CHECK(plan.model_options.temperature == 0.5);
  CHECK(plan.recipe.stages[0].objective.weight("gate_regression") == 2);
  CHECK(plan.trainer.augment.none());
  const std::string toml = to_toml(config);
  const TemporaryFolder folder;
  write_bytes(folder / "config.toml", toml);
  CLI::App command;
  TrainConfig unused;
  add_train_options(command, unused);
  const auto arguments = with_config_file(command, {"--config", (folder / "config.toml").string()});
  TrainConfig again = parse(arguments);
  CHECK(to_toml(again) == toml);
  CHECK(again.method.objective.weight("importance") == 0.123456789);
  CHECK(again.method.optimizer.learning_rate == 0.0123456789);
  CHECK(mentions(toml, "temperature = \"10x2,0.5x3\"\n"));
  CHECK(again.method.temperatures.schedule == std::vector<double>{10, 10, 0.5, 0.5, 0.5});
  CHECK(again.class_lists == "0,1|2,3|4,5");
  CHECK(again.augment == false);
  CHECK(describe(make_plan(again), again) == describe(plan, config));
  // A flag wins over the file.
  auto with_flag = arguments;
  with_flag.insert(with_flag.end(), {"--augment", "--class-mask", "--separate-experts", "--gate=plain"});
  const TrainConfig other = parse(with_flag);
  CHECK(other.augment == true);
  CHECK(other.model().class_mask);
  CHECK(to_toml(other).find("separate-experts = true\n") != std::string::npos);
}

TEST_CASE("the defaults of loss, recipe, networks and augmentation are those of model and data") {
  TrainConfig em;
  em.method.model.model = "em";
  make_plan(em);
  CHECK(em.loss == "responsibility");
  CHECK(em.recipe == "em");
  CHECK(em.method.first_epochs == em.method.epochs);
  CHECK(em.augment == false);
  TrainConfig barber;
  barber.data = "barber-regression", barber.method.model.experts = 2;
  CHECK(make_plan(barber).regression());
  CHECK(barber.loss == "mse");
  CHECK(barber.model().network == "barber");
  TrainConfig points;
  points.data = "con-circles", points.method.model.gate = moe::GateKind::attentive;
  make_plan(points);
  CHECK(points.model().network == "hidden-2d");
  TrainConfig two;
  two.recipe = "two-temperatures", two.method.model.temperature = 4;
  CHECK(make_plan(two).trainer.evaluation.temperature == 1);
  TrainConfig decayed;
  decayed.method.model.temperature = 4, decayed.method.temperatures.decay = 1, decayed.method.epochs = 4;
  CHECK(make_plan(decayed).trainer.evaluation.temperature == Approx(4.0 / 2 / 3));
}

TEST_CASE("every model runs by every recipe that suits it, and is tested again with the same result") {
  const Workplace work;
  int runs = 0;
  for (const moe::ModelKind& model : moe::models()) {
    for (const moe::RecipeKind& recipe : moe::recipes()) {
      if (recipe.name == "distil" && !model.gated) continue;
      const std::string run = fmt::format("{}-{}", model.name, recipe.name);
      const Result train =
          work.run(fmt::format("{} --class-lists \"0,1|2,3|4,5\" --model {} --recipe {} {} --run-dir {}", kSmall,
                               model.name, recipe.name, recipe.name == "distil" ? "--gate attentive" : "", run));
      INFO(run << ": " << train.err);
      if (train.code == 2) {  // it does not suit, and nothing was begun
        CHECK(mentions(train.err, "--recipe"));
        CHECK(!fs::exists(work.path() / run));
        continue;
      }
      ++runs;
      REQUIRE(train.code == 0);
      const Result eval = work.run("eval " + run);
      INFO(eval.err);
      CHECK(outcome(eval) == outcome(train));
      CHECK(mentions(eval.out, "µs"));
    }
  }
  CHECK(runs >= 60);
}

TEST_CASE("a model is tested at another temperature") {
  const Workplace work;
  REQUIRE(work.run(fmt::format("{} --model mixture --run-dir run", kSmall)).code == 0);
  const auto sample_entropy = [&](const std::string& options) {
    const Result eval = work.run("eval run " + options);
    INFO(eval.out << eval.err);
    REQUIRE(eval.code == 0);
    const size_t at = eval.out.find("entropy, a sample");
    REQUIRE(at != std::string::npos);
    return std::stod(eval.out.substr(eval.out.find_first_of("0123456789", at)));
  };
  // The hotter, the less certain is the gate of three experts.
  CHECK(sample_entropy("--temperature 1") == sample_entropy(""));
  CHECK(sample_entropy("--temperature 0.1") < sample_entropy("") - 0.1);
  CHECK(sample_entropy("--temperature 0.001") < sample_entropy("--temperature 0.1") - 0.1);
  CHECK(sample_entropy("--temperature 1000000") == Approx(std::log2(3)).margin(0.01));
  CHECK(work.run("eval run --temperature 0").code == 2);
  REQUIRE(work.run(fmt::format("{} --model mixture --gate-output escort --run-dir escort", kSmall)).code == 0);
  const Result refused = work.run("eval escort --temperature 2");
  CHECK(refused.code == 2);
  CHECK(mentions(refused.err, "escort"));
}

TEST_CASE("a regression is told by its squared error") {
  const Workplace work;
  const Result train = work.run(
      "train --data barber-regression --experts 2 --optimizer sgd --lr 0.1 --weight-decay 0 --epochs 8 --importance "
      "0.1 "
      "--run-dir run");
  INFO(train.err);
  REQUIRE(train.code == 0);
  CHECK(mentions(train.out, "test mean squared error"));
  CHECK(!mentions(train.out + train.err, "accuracy"));
  CHECK(mentions(train.err, "val squared error"));
  const auto summary = summary_of(work, "run");
  CHECK(summary.contains("test_mean_squared_error"));
  CHECK(summary.contains("val_mean_squared_error"));
  CHECK(summary.contains("test_routing_regret_squared_error"));
  CHECK(summary["test_experts"][0].contains("mean_squared_error"));
  for (const auto& [key, value] : summary.items()) CHECK(!mentions(key, "accuracy"));
  const auto rows = rows_of(work, "run");
  CHECK(rows.size() == 8);
  CHECK(!rows[0].contains("accuracy"));
  // The best checkpoint is that of the least error.
  size_t best = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i]["val_mean_squared_error"] < rows[best]["val_mean_squared_error"]) best = i;
  }
  CHECK(nlohmann::json::parse(work.read("run/checkpoints/best/state.json"))["epoch"] == best + 1);
  for (const char* picture : {"regression.svg", "usage.svg", "curves.svg"}) {
    CHECK(mentions(train.out, picture));
    CHECK(work.read(std::string("run/") + picture).starts_with("<svg"));
  }
  CHECK(outcome(work.run("eval run")) == outcome(train));
  CHECK(work.run("train --data sin-data --experts 2 --fast-dev-run --run-dir sines").code == 0);
}

TEST_CASE("a recipe of several stages tells them apart and has one set of columns") {
  const Workplace work;
  const Result train = work.run(
      "train --data multi-class --net hidden-2d --experts 3 --recipe no-gate-then-gate --first-epochs 2 --epochs 2 "
      "--importance 0.5 --orthogonality 0.1 --run-dir run");
  INFO(train.err);
  REQUIRE(train.code == 0);
  CHECK(mentions(train.err, "epoch 1/4  no gate"));
  CHECK(mentions(train.err, "epoch 3/4  gate  "));
  CHECK(mentions(train.err, "epoch 4/4  gate and experts"));
  const std::string csv = work.read("run/metrics.csv");
  std::istringstream lines(csv);
  std::vector<int64_t> commas;
  for (std::string line; std::getline(lines, line);) commas.push_back(std::ranges::count(line, ','));
  CHECK(commas.size() == 5);
  CHECK(std::ranges::count(commas, commas.front()) == 5);
  CHECK(csv.find(",importance,orthogonality,") != std::string::npos);
  CHECK(csv.find(",,,") != std::string::npos);  // the first stage has neither
  const auto rows = rows_of(work, "run");
  CHECK(rows[0]["importance"].is_null());
  CHECK(rows[3]["importance"].is_number());
  CHECK(rows[0]["val_samples_per_expert"].size() == 3);
  // The best checkpoint is one of the last stage.
  CHECK(nlohmann::json::parse(work.read("run/checkpoints/best/state.json"))["stage"] == "gate and experts");
}

TEST_CASE("only chosen experts are evaluated, and every expert is analyzed") {
  const Workplace work;
  REQUIRE(work.run(kSmall + "--model top-1 --run-dir run").code == 0);
  const auto summary = summary_of(work, "run");
  CHECK(summary["test_rows_per_sample"] == 1);
  CHECK(summary["flops_per_sample_routed"] < summary["flops_per_sample_dense"]);
  const double error = summary["test_error"];
  CHECK(summary["test_gate_error"].get<double>() + summary["test_expert_error"].get<double>() == Approx(error));
  CHECK(summary["test_oracle_accuracy"].get<double>() >= summary["test_accuracy"].get<double>());
  CHECK(summary["mutual_information_label_bits"] == summary["test_mutual_information_label_bits"]);
  for (const char* key : {"test_mutual_information_label_corrected_bits", "test_mutual_information_label_chance_bits",
                          "test_mutual_information_label_p_value", "test_routing_regret_nats", "test_top_5_error",
                          "test_samples_per_second", "train_accuracy", "val_error"}) {
    INFO(key);
    CHECK(summary.contains(key));
  }
  CHECK(summary["test_experts"].size() == 3);
  CHECK(summary["test_experts"][0].contains("accuracy"));
  CHECK(!summary.contains("test_gate_error_by_class_lists"));
  CHECK(mentions(work.run("eval run").out, "evaluated 1.00 experts a sample"));
  for (const char* picture : {"regions.svg", "picture.svg", "confusion.svg", "usage.svg", "curves.svg"}) {
    CHECK(work.read(std::string("run/") + picture).starts_with("<svg"));
  }
}

TEST_CASE("accuracies of models that read the labels are called an oracle's") {
  const Workplace work;
  const Result best = work.run(kSmall + "--model best-expert --run-dir best");
  CHECK(best.code == 0);
  CHECK(mentions(best.out, "an oracle's"));
  CHECK(summary_of(work, "best")["evaluated_by_labels"] == true);
  CHECK(mentions(work.run("eval best").out, "an oracle's"));
  CHECK(!fs::exists(work.path() / "best/regions.svg"));  // there are no labels everywhere in the plane
  const Result fair = work.run(kSmall + "--model no-gate-self-information --run-dir fair");
  CHECK(!mentions(fair.out, "oracle's"));
  CHECK(!summary_of(work, "fair").contains("evaluated_by_labels"));
  const Result faithful = work.run(kSmall + "--model no-gate-self-information --quirks oracle-validation --run-dir f");
  CHECK(mentions(faithful.out, "an oracle's"));
  // Progress says so, too: labels choose who learns, and here not who answers.
  CHECK(mentions(work.read("best/output.log"), "oracle accuracy"));
  CHECK(mentions(work.read("fair/output.log"), "  oracle accuracy"));
  CHECK(!mentions(work.read("fair/output.log"), "val oracle accuracy"));
  CHECK(mentions(work.read("f/output.log"), "val oracle accuracy"));
}

TEST_CASE("class lists divide the classes by hand, by name or at random") {
  const Workplace work;
  const std::string lists = "--class-lists \"0,1|2,3|4,5\" ";
  REQUIRE(work.run(kSmall + lists + "--model concatenation --run-dir concatenation").code == 0);
  REQUIRE(work.run(kSmall + lists + "--class-mask --run-dir mask").code == 0);
  CHECK(summary_of(work, "mask").contains("test_gate_error_by_class_lists"));
  const Result random = work.run(kSmall + "--class-lists random --recipe pre-chosen --dry-run --seed 3");
  CHECK(random.code == 0);
  CHECK(mentions(random.out, "classes   "));
  CHECK(work.run(kSmall + "--class-lists random --recipe pre-chosen --dry-run --seed 4").out != random.out);
  const Result named = work.run("train --experts 5 --class-lists mnist-1 --recipe pre-chosen-same --dry-run");
  CHECK(mentions(named.out, "0,1|2,5|3,4|6,9|7,8"));
  CHECK(mentions(named.out,
                 "experts alone (20 epochs, the experts learn); gate (20 epochs, the gate learns); experts "
                 "from their initial weights (20 epochs, the experts learn)"));
}

TEST_CASE("the distance of samples can be that of a trained network's outputs") {
  const Workplace work;
  REQUIRE(work.run(kSmall + "--model single --run-dir features").code == 0);
  const std::string similar = kSmall + "--similarity-same 1 --similarity-different 1 ";
  const Result far = work.run(similar + "--distance features --run-dir far");
  INFO(far.err);
  REQUIRE(far.code == 0);
  REQUIRE(work.run(similar + "--run-dir near").code == 0);
  CHECK(rows_of(work, "far")[0]["similarity_same"] != rows_of(work, "near")[0]["similarity_same"]);
  const Result mixture = work.run(similar + "--distance near --run-dir no");
  CHECK(mixture.code == 2);
  CHECK(mentions(mixture.err, "--model single"));
  CHECK(work.run("train --similarity-same 1 --distance features").code == 2);  // other samples
}

}  // namespace divvy::test
