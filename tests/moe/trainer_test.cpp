#include "moe/training/trainer.h"

#include <cmath>
#include <limits>

#include "datasets/toy.h"
#include "moe/analysis/metrics.h"
#include "moe/model/models.h"
#include "moe/reproduction/quirks.h"
#include "nn/adam.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/moe/quadrants.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

/// Opposite quadrants are of one class: no line divides them, two experts with a line each do.
data::Dataset quadrants(int64_t samples, uint64_t seed) {
  return test::quadrants(samples, seed, 2, [](bool right, bool upper) { return right == upper; });
}

data::Splits splits() { return {quadrants(600, 1), quadrants(200, 2), quadrants(200, 3)}; }

ModelOptions options_of(const char* model) {
  return {.model = model, .network = "deep-2d", .experts = 4, .k = 2, .classes = 2};
}

Recipe recipe_of(const ModelOptions& options, int64_t epochs, double learning_rate = 0.01) {
  return joint(routing_of(options, true), {.regularizers = {{"importance", 0.1}}},
               {.learning_rate = learning_rate, .weight_decay = 1e-4}, epochs);
}

struct Outcome {
  std::vector<Tensor> parameters;
  std::vector<double> losses;
};

Outcome outcome(const char* kind, int threads, uint64_t seed) {
  const int before = num_threads();
  set_num_threads(threads);
  const ModelOptions options = options_of(kind);
  Generator generator(seed);
  const auto model = build_model(options, generator);
  Outcome result;
  TrainerHooks hooks;
  hooks.on_epoch = [&](const EpochReport& report) { result.losses.push_back(report.loss); };
  train(*model, recipe_of(options, 3), splits(), {.batch = 64, .seed = seed, .evaluation = routing_of(options, false)},
        hooks);
  for (const Variable& p : model->parameters()) result.parameters.push_back(p.value());
  set_num_threads(before);
  return result;
}

}  // namespace

TEST_CASE("every model learns what a line cannot divide") {
  for (const char* kind : {"single", "mixture", "top-k"}) {
    const ModelOptions options = options_of(kind);
    Generator generator(5);
    const auto model = build_model(options, generator);
    const TrainerOptions how{.batch = 32, .evaluation = routing_of(options, false)};
    const auto data = splits();
    std::vector<EpochReport> reports;
    TrainerHooks hooks;
    hooks.on_epoch = [&](const EpochReport& report) { reports.push_back(report); };
    CHECK(train(*model, recipe_of(options, 15), data, how, hooks));
    INFO(kind);
    REQUIRE(reports.size() == 15);
    CHECK(reports.back().loss < 0.5 * reports.front().loss);
    CHECK(reports.back().validation.size() == 200);
    const Record test = evaluate(*model, data.test, how);
    CHECK(accuracy(test) > 0.9);
    CHECK(test.evaluated_rows == 200 * (std::string(kind) == "single" ? 1 : std::string(kind) == "top-k" ? 2 : 4));
  }
}

TEST_CASE("a whole training run gives the same bits with 1, 2, 3 and 8 threads") {
  for (const char* kind : {"mixture", "top-k"}) {
    const Outcome expected = outcome(kind, 1, 7);
    for (int threads : {2, 3, 8}) {
      INFO(kind << " with " << threads << " threads");
      const Outcome got = outcome(kind, threads, 7);
      CHECK(got.losses == expected.losses);
      for (size_t i = 0; i < got.parameters.size(); ++i) CHECK(same_bits(got.parameters[i], expected.parameters[i]));
    }
    CHECK(outcome(kind, 2, 8).losses != expected.losses);
  }
}

TEST_CASE("a non-finite gradient names step, layer and expert, and leaves the parameters as they were") {
  const ModelOptions options = options_of("mixture");
  Generator generator(5);
  const auto model = build_model(options, generator);
  Variable weight = model->parameter("experts.0.weight");
  const int64_t per_expert = weight.value().numel() / 4;
  weight.mutable_value().mutable_data<float>()[2 * per_expert + 3] = std::numeric_limits<float>::quiet_NaN();
  const Tensor before = model->parameter("gate.0.weight").value().clone();
  try {
    train(*model, recipe_of(options, 1), splits(), {.batch = 64});
    FAIL("nothing was thrown");
  } catch (const NonFiniteError& error) {
    CHECK(error.step == 1);
    CHECK(error.what_is == "loss");
    CHECK(std::string(error.what()).find("at step 1") != std::string::npos);
  }
  CHECK(same_bits(model->parameter("gate.0.weight").value(), before));
}

TEST_CASE("a regression is recorded by its squared error, routed and dense") {
  Generator data_random(3);
  const data::Dataset points = data::barber_regression(data_random, {.count = 120});
  const data::Splits data{points.slice(0, 80), points.slice(80, 100), points.slice(100, 120)};
  const ModelOptions options{.model = "top-1", .network = "barber", .experts = 2, .classes = 2, .targets = 2};
  Generator generator(4);
  const auto model = build_model(options, generator);
  TrainerOptions how{.batch = 16, .evaluation = routing_of(options, false)};
  TrainerHooks hooks;
  std::vector<double> errors;
  hooks.on_epoch = [&](const EpochReport& report) {
    CHECK(report.validation.is_regression());
    CHECK(report.accuracy == 0);
    errors.push_back(mean_squared_error(report.validation));
  };
  const Recipe recipe =
      joint(routing_of(options, true), {.loss = "mse"}, {.name = "sgd", .learning_rate = 0.05, .momentum = 0.9}, 10);
  train(*model, recipe, data, how, hooks);
  CHECK(errors.back() < errors.front() / 2);
  const Record routed = evaluate(*model, data.test, how);
  CHECK(routed.evaluated_rows == 20);
  CHECK(!routed.is_dense());
  how.evaluation.every_expert = true;
  const Record dense = evaluate(*model, data.test, how);
  CHECK(dense.is_dense());
  CHECK(mean_squared_error(dense) == Approx(mean_squared_error(routed)));
}

TEST_CASE("a stage freezes what does not learn in it") {
  const ModelOptions options = options_of("mixture");
  Generator generator(5);
  const auto model = build_model(options, generator);
  const auto values = [&](const char* prefix) {
    std::vector<Tensor> result;
    for (const auto& [name, p] : model->named_parameters()) {
      if (name.starts_with(prefix)) result.push_back(p.value().clone());
    }
    return result;
  };
  const auto unchanged = [](const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
    for (size_t i = 0; i < a.size(); ++i) {
      if (!same_bits(a[i], b[i])) return false;
    }
    return true;
  };
  const auto gate = values("gate."), experts = values("experts.");
  Recipe recipe = recipe_of(options, 1);
  recipe.stages[0].learns = Learns::gate;
  train(*model, recipe, splits(), {.batch = 64});
  CHECK(unchanged(values("experts."), experts));
  CHECK(!unchanged(values("gate."), gate));
  const auto gate_after = values("gate.");
  recipe.stages[0].learns = Learns::experts;
  train(*model, recipe, splits(), {.batch = 64});
  CHECK(unchanged(values("gate."), gate_after));
  CHECK(!unchanged(values("experts."), experts));
}

TEST_CASE("stages follow each other, batches can be limited, and a run can be stopped") {
  const ModelOptions options = options_of("mixture");
  Generator generator(5);
  const auto model = build_model(options, generator);
  Recipe recipe = recipe_of(options, 2);
  recipe.stages.push_back(recipe.stages[0]);
  recipe.stages[1].name = "again";
  recipe.stages[1].epochs = 1;
  CHECK(recipe.epochs() == 3);
  std::vector<std::string> stages;
  int64_t steps = 0;
  TrainerHooks hooks;
  hooks.on_epoch = [&](const EpochReport& report) { stages.push_back(report.stage); };
  hooks.on_batch = [&](const BatchReport& report) {
    CHECK(report.batches == 2);
    steps = report.step;
  };
  CHECK(train(*model, recipe, splits(), {.batch = 64, .batch_limit = 2}, hooks));
  CHECK(stages == std::vector<std::string>{"joint", "joint", "again"});
  CHECK(steps == 6);
  hooks.on_batch = [&](const BatchReport& report) { steps = report.step; };
  hooks.stop = [&] { return steps == 3; };
  CHECK(!train(*model, recipe, splits(), {.batch = 64}, hooks));
  CHECK(steps == 3);
}

TEST_CASE("every optimizer trains, and an unknown one is refused") {
  const ModelOptions options = options_of("mixture");
  for (const char* name : {"adam", "adamw", "rmsprop", "sgd"}) {
    Generator generator(5);
    const auto model = build_model(options, generator);
    Recipe recipe = recipe_of(options, 4, std::string(name) == "sgd" ? 0.1 : 0.01);
    recipe.stages[0].optimizer.name = name;
    recipe.stages[0].clip_norm = 5;
    std::vector<double> losses;
    TrainerHooks hooks;
    hooks.on_epoch = [&](const EpochReport& report) { losses.push_back(report.loss); };
    train(*model, recipe, splits(), {.batch = 64}, hooks);
    INFO(name);
    CHECK(losses.back() < losses.front());
  }
  Generator generator(5);
  const auto model = build_model(options, generator);
  Recipe recipe = recipe_of(options, 1);
  recipe.stages[0].optimizer.name = "adma";
  CHECK_THROWS_WITH(train(*model, recipe, splits(), {}), Catch::Contains("unknown optimizer 'adma'"));
}

TEST_CASE("accuracy after the update is that of a second pass, and changes nothing else") {
  const ModelOptions options = options_of("mixture");
  const auto losses = [&](bool after) {
    Generator generator(3);
    const auto model = build_model(options, generator);
    std::vector<double> result;
    TrainerHooks hooks;
    hooks.on_epoch = [&](const EpochReport& report) {
      result.push_back(report.loss);
      result.push_back(report.accuracy);
    };
    train(*model, recipe_of(options, 2), splits(),
          {.batch = 600, .evaluation = routing_of(options, false), .accuracy_after_update = after}, hooks);
    return result;
  };
  const auto before = losses(false), after = losses(true);
  CHECK(before[0] == after[0]);
  CHECK(before[2] == after[2]);
  CHECK(before[3] == after[1]);  // one batch an epoch: the pass before the second step is the one after the first
}

TEST_CASE("evaluation by batch statistics differs where a batch norm has others, and keeps its mode") {
  Generator generator(3);
  const auto model =
      build_model({.model = "mixture", .network = "fashion-mnist", .experts = 2, .classes = 3}, generator);
  data::Dataset set;
  set.name = "noise";
  set.x = random_tensor({12, 1, 28, 28}, 5, 3, 4, DType::f32);  // far from the initial mean of 0
  set.y = random_indices({12}, 3, 6);
  set.classes = 3;
  const Record running = evaluate(*model, set, {.batch = 12});
  model->eval();
  TrainerOptions training{.batch = 12};
  Quirks::parse("batch-statistics").apply(training);
  const Record of_batch = evaluate(*model, set, training);
  CHECK(!model->is_training());
  CHECK(running.probabilities != of_batch.probabilities);
}

TEST_CASE("a step can leave the experts alone that got no sample") {
  const ModelOptions options{.model = "top-1", .network = "deep-2d", .experts = 6, .classes = 2};
  for (const bool skip : {false, true}) {
    Generator generator(3), random;
    const auto model = build_model(options, generator);
    Stage stage = recipe_of(options, 1).stages[0];
    stage.optimizer.weight_decay = 0.5;
    stage.optimizer.skip_idle_experts = skip;
    const auto optimizer = make_optimizer(*model, stage);
    const Tensor before = model->parameter("experts.0.weight").value().clone();
    const data::Dataset few = quadrants(3, 8);  // so that some of the six get none
    Forward forward;
    train_step(*model, stage, *optimizer, Variable(few.x), few.y, random, &forward);
    const Tensor after = model->parameter("experts.0.weight").value();
    const auto offset = forward.dispatch.segments.offsets.values<int64_t>();
    int64_t idle = 0;
    for (int64_t e = 0; e < 6; ++e) {
      const bool has_rows = offset[static_cast<size_t>(e)] < offset[static_cast<size_t>(e) + 1];
      idle += !has_rows;
      CHECK(same_bits(after.slice(e, e + 1), before.slice(e, e + 1)) == (skip && !has_rows));
    }
    CHECK(idle >= 3);
  }
}

}  // namespace divvy::test
