#include "moe/training/recipe.h"

#include <algorithm>
#include <cmath>

#include "moe/analysis/metrics.h"
#include "moe/model/gate.h"
#include "moe/training/trainer.h"
#include "nn/adam.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

/// Three clouds of points on a line, each with labels of its own.
data::Dataset clouds(int64_t samples, uint64_t seed) {
  data::Dataset set;
  set.name = "clouds";
  set.x = random_tensor({samples, 2}, seed, -0.3, 0.3, DType::f32);
  set.y = Tensor::empty({samples}, DType::i64);
  set.classes = 4;
  for (int64_t i = 0; i < samples; ++i) {
    const int64_t c = i % 4;
    set.x.mutable_data<float>()[2 * i] += static_cast<float>(c) - 1.5F;
    set.y.mutable_data<int64_t>()[i] = c;
  }
  return set;
}

/// The same points as pictures of 28 x 28 pixels, the upper half of one coordinate, the lower half of the other.
data::Dataset pictures(const data::Dataset& points) {
  data::Dataset set = points;
  set.x = Tensor::empty({points.size(), 1, 28, 28}, DType::f32);
  for (int64_t i = 0; i < set.x.numel(); ++i) {
    set.x.mutable_data<float>()[i] = points.x.data<float>()[i / 784 * 2 + i % 784 / 392];
  }
  return set;
}

data::Splits splits() { return {clouds(200, 1), clouds(60, 2), clouds(60, 3)}; }

Method method_of(const char* model) {
  Method method;
  method.model.model = model;
  method.model.network = "deep-2d";
  method.model.experts = 2;
  method.model.classes = 4;
  method.model.class_lists = {{0, 1}, {2, 3}};
  method.objective.loss = usual_loss(method.model);
  method.optimizer.learning_rate = 0.01;
  method.epochs = 4;
  method.first_epochs = 3;
  return method;
}

/// Trains by a recipe and returns the reports of its epochs.
std::vector<EpochReport> trained(Model& model, const Recipe& recipe, const ModelOptions& options,
                                 const data::Splits& data = splits(),
                                 const std::function<void(const EpochReport&)>& after = {}) {
  std::vector<EpochReport> reports;
  TrainerHooks hooks;
  hooks.on_epoch = [&](const EpochReport& report) {
    reports.push_back(report);
    if (after) after(report);
  };
  train(model, recipe, data, {.batch = 20, .seed = 4, .evaluation = routing_of(options, false)}, hooks);
  return reports;
}

bool same_state(const nn::StateDict& a, const nn::StateDict& b) {
  return std::ranges::equal(
      a, b, [](const auto& x, const auto& y) { return x.first == y.first && same_bits(x.second, y.second); });
}

}  // namespace

TEST_CASE("temperatures follow their schedule and decay") {
  const auto first = [](int64_t epochs, const Temperatures& temperatures, double usual) {
    TemperatureSequence sequence(temperatures, usual);
    std::vector<double> all;
    for (int64_t e = 0; e < epochs; ++e) all.push_back(sequence.next());
    for (int64_t e = 1; e <= epochs; ++e) CHECK(TemperatureSequence(temperatures, usual).skip(e) == all[e - 1]);
    return all;
  };
  CHECK(first(3, {}, 2) == std::vector<double>{2, 2, 2});
  CHECK(first(4, {.schedule = {4, 2}}, 1) == std::vector<double>{4, 2, 2, 2});
  CHECK(first(2, {.schedule = {4, 3, 2}, .begin = 1}, 1) == std::vector<double>{3, 2});
  // T[e + 1] = T[e] / (1 + decay (e - start)) for e > start: 8, 8, 8, 8 / 1.5, 8 / 1.5 / 2.
  const auto decayed = first(5, {.schedule = {8}, .decay = .5, .decay_start = 1}, 1);
  CHECK(decayed[2] == 8);
  CHECK(decayed[3] == Approx(8 / 1.5));
  CHECK(decayed[4] == Approx(8 / 1.5 / 2));
  CHECK(first(6, {.decay = 1e9}, 1).back() == 0.001);
  // A long run takes neither memory nor time.
  CHECK(TemperatureSequence({.decay = .1, .begin = 1'000'000'000'000}, 1).skip(1'000'000'000'000) == 0.001);
  CHECK(TemperatureSequence({.schedule = {4, 2}}, 1).skip(1'000'000'000'000) == 2);
  CHECK_THROWS_AS(TemperatureSequence({.schedule = {0}}, 1), ValueError);
  CHECK_THROWS_AS(TemperatureSequence({}, -1), ValueError);
}

TEST_CASE("every recipe trains a model of two experts on what they can divide") {
  for (const RecipeKind& kind : recipes()) {
    INFO(kind.name);
    const bool em = kind.name == "em", loss_gate = kind.name == "loss-gate";
    Method method = method_of(em ? "em" : loss_gate ? "loss-gate" : "mixture");
    method.epochs = 15, method.first_epochs = 10;
    data::Splits data = splits();
    if (kind.name == "distil") {
      method.model.network = "mnist";  // gate and expert have hidden layers of one width, as an attentive gate needs
      method.model.gate = GateKind::attentive;
      for (data::Dataset* part : {&data.train, &data.validation, &data.test}) *part = pictures(*part);
    }
    const Recipe recipe = make_recipe(kind.name, method);
    CHECK(recipe.name == kind.name);
    Generator generator(3);
    const auto model = build_model(method.model, generator);
    const auto reports = trained(*model, recipe, method.model, data);
    REQUIRE(static_cast<int64_t>(reports.size()) == recipe.epochs());
    CHECK(accuracy(reports.back().validation) > 0.7);
    for (const EpochReport& report : reports) CHECK(std::isfinite(report.loss));
  }
}

TEST_CASE("epochs and stages are those that were asked for") {
  const auto names = [](const char* recipe) {
    std::string text;
    for (const Stage& stage : make_recipe(recipe, method_of("mixture")).stages) {
      text += fmt::format("{} {}; ", stage.name, stage.epochs);
    }
    return text;
  };
  CHECK(names("joint") == "joint 4; ");
  CHECK(names("no-gate-then-gate") == "no gate 3; gate 2; gate and experts 2; ");
  CHECK(names("no-gate-then-gate-only") == "no gate 3; gate 4; ");
  CHECK(names("pre-chosen-fresh") == "experts alone 3; gate 3; fresh experts 4; ");
  Method one = method_of("mixture");
  one.epochs = 1;
  CHECK(make_recipe("no-gate-then-gate", one).stages.size() == 2);
}

TEST_CASE("a stage leaves alone what it does not train") {
  Method method = method_of("mixture");
  method.optimizer.weight_decay = 0.01;
  const Recipe recipe = make_recipe("no-gate-then-gate-only", method);
  Generator generator(3);
  const auto model = build_model(method.model, generator);
  const nn::StateDict gate = model->gate()->state_dict();
  nn::StateDict experts;
  const auto reports = trained(*model, recipe, method.model, splits(), [&](const EpochReport& report) {
    if (report.stage == "no gate") {
      CHECK(same_state(model->gate()->state_dict(), gate));
      experts = model->expert_stack()->state_dict();
    } else {
      CHECK(same_state(model->expert_stack()->state_dict(), experts));
      CHECK(!same_state(model->gate()->state_dict(), gate));
    }
  });
  CHECK(reports.size() == 7);
}

TEST_CASE("transferred experts start from their initial or from new weights under the gate that was learned") {
  for (const char* name : {"transfer-same", "transfer-fresh"}) {
    Method method = method_of("mixture");
    method.epochs = 1;
    Recipe recipe = make_recipe(name, method);
    recipe.stages[1].optimizer = {.name = "sgd", .learning_rate = 0, .momentum = 0};  // shows where it starts
    Generator generator(3);
    const auto model = build_model(method.model, generator);
    const nn::StateDict initial = model->expert_stack()->state_dict();
    nn::StateDict gate, learned;
    trained(*model, recipe, method.model, splits(), [&](const EpochReport& report) {
      if (report.stage != "joint") return;
      gate = model->gate()->state_dict();
      learned = model->expert_stack()->state_dict();
    });
    CHECK(same_state(model->gate()->state_dict(), gate));
    CHECK(!same_state(model->expert_stack()->state_dict(), learned));
    CHECK(same_state(model->expert_stack()->state_dict(), initial) == (std::string(name) == "transfer-same"));
  }
}

TEST_CASE("experts that are chosen beforehand know their own classes") {
  Method method = method_of("mixture");
  method.first_epochs = 10;
  const Recipe recipe = make_recipe("pre-chosen", method);
  Generator generator(3);
  const auto model = build_model(method.model, generator);
  const auto reports = trained(*model, recipe, method.model);
  // In the first stage each sample went to the expert of its class, in validation, too.
  const Record& first = reports.front().validation;
  for (size_t i = 0; i < first.label.size(); ++i) CHECK(first.expert[i] == first.label[i] / 2);
  CHECK(accuracy(reports[9].validation) > 0.9);
  CHECK(mutual_information_label_bits(reports.back().validation) > 0.5);
}

TEST_CASE("with two temperatures experts learn at the temperature and the gate at 1") {
  // Against the two gradients taken apart: scores constant at T, experts constant at 1.
  Method method = method_of("mixture");
  method.model.dtype = DType::f64;
  method.model.temperature = 4;
  method.objective.set_weight("importance", 0.5);
  Stage stage = make_recipe("two-temperatures", method).stages[0];
  stage.optimizer = {.name = "sgd", .learning_rate = 1, .momentum = 0};
  const Variable x(random_tensor({6, 2}, 3));
  const Supervision known(random_indices({6}, 4, 5));
  Generator one(3), two(3), random;
  const auto model = build_model(method.model, one), reference = build_model(method.model, two);
  const auto optimizer = make_optimizer(*model, stage);
  const nn::StateDict before = model->state_dict();
  train_step(*model, stage, *optimizer, x, known, random);

  const RoutingOptions warm = stage.routing;
  RoutingOptions cold = warm;
  cold.temperature = 1;
  backward(evaluate({}, reference->run(x, warm, random), known).total);
  nn::StateDict expected;
  for (const auto& [name, parameter] : reference->named_parameters()) {
    if (name.starts_with("experts.")) expected[name] = parameter.grad().clone();
  }
  reference->zero_grad();
  backward(evaluate(stage.objective, reference->run(x, cold, random), known).total);
  for (const auto& [name, parameter] : reference->named_parameters()) {
    if (name.starts_with("gate.")) expected[name] = parameter.grad().clone();
  }
  for (const auto& [name, parameter] : model->named_parameters()) {
    INFO(name);
    const auto was = before.at(name).to_doubles(), is = parameter.value().to_doubles();
    const auto gradient = expected.at(name).to_doubles();
    for (size_t i = 0; i < was.size(); ++i) CHECK(was[i] - is[i] == Approx(gradient[i]).margin(1e-12));
  }
}

TEST_CASE("with two temperatures an attentive gate does not reach into the experts") {
  Method method = method_of("mixture");
  const NetworkPlan plan{.hidden = {4}};
  Generator generator(12), random;
  auto gate = std::make_shared<AttentiveGate>(
      build_network(plan, {.sample = {2}, .outputs = 0, .dtype = DType::f64}, generator), 4, DType::f64, generator);
  Model model(gate, build_network(plan, {.sample = {2}, .outputs = 4, .experts = 2, .dtype = DType::f64}, generator), 2,
              {.expert_output = ExpertOutput::softmax});
  Stage stage = make_recipe("two-temperatures", method).stages[0];
  stage.routing.temperature = 1e6;  // so warm that every expert has the same weight
  stage.optimizer = {.name = "sgd", .learning_rate = 1, .momentum = 0};
  const Variable x(random_tensor({6, 2}, 3));
  const Supervision known(random_indices({6}, 4, 5));
  const auto optimizer = make_optimizer(model, stage);
  train_step(model, stage, *optimizer, x, known, random);
  std::vector<Tensor> got;
  for (const Variable& parameter : model.expert_stack()->parameters()) got.push_back(parameter.grad().clone());

  // The same step with scores that are plain numbers.
  Generator again(12);
  auto twin_gate = std::make_shared<AttentiveGate>(
      build_network(plan, {.sample = {2}, .outputs = 0, .dtype = DType::f64}, again), 4, DType::f64, again);
  Model twin(twin_gate, build_network(plan, {.sample = {2}, .outputs = 4, .experts = 2, .dtype = DType::f64}, again), 2,
             {.expert_output = ExpertOutput::softmax});
  RoutingOptions cold = stage.routing;
  cold.temperature = 1;
  const Forward forward = twin.run(x, cold, random);
  backward(evaluate({}, twin.reweighted(forward, forward.routing.scores.detach(), stage.routing), known).total);
  const auto parameters = twin.expert_stack()->parameters();
  REQUIRE(parameters.size() == got.size());
  for (size_t i = 0; i < got.size(); ++i) CHECK(difference(got[i], parameters[i].grad(), 1e-12, 1e-15) == "");
}

TEST_CASE("experts can have learning rates of their own") {
  Method method = method_of("mixture");
  method.model.separate_experts = true;
  method.optimizer = {.name = "rmsprop", .learning_rate = 0.01, .momentum = 0};
  method.expert_learning_rates = {0.01, 0};
  Generator generator(3);
  const auto model = build_model(method.model, generator);
  const nn::StateDict before = model->expert_stack()->state_dict();
  trained(*model, make_recipe("joint", method), method.model);
  for (const auto& [name, value] : model->expert_stack()->state_dict()) {
    CHECK(same_bits(value, before.at(name)) == name.starts_with("1."));
  }
  method.model.separate_experts = false;
  Generator again(3);
  const auto stacked = build_model(method.model, again);
  CHECK_THROWS_AS(trained(*stacked, make_recipe("joint", method), method.model), ValueError);
  method.expert_learning_rates = {0.01};
  CHECK_THROWS_AS(make_recipe("joint", method), ValueError);
}

TEST_CASE("a recipe for a model that it cannot train is refused") {
  const auto refused = [](const char* recipe, const std::function<void(Method&)>& change) {
    Method method = method_of("mixture");
    change(method);
    INFO(recipe);
    CHECK_THROWS_AS(make_recipe(recipe, method), ValueError);
  };
  refused("joynt", [](Method&) {});
  refused("distil", [](Method&) {});
  refused("em", [](Method&) {});
  refused("loss-gate", [](Method&) {});
  refused("joint", [](Method& m) { m.model.model = "em"; });
  refused("two-temperatures", [](Method& m) { m.model.model = "product"; });
  refused("no-gate-then-gate", [](Method& m) { m.model.model = "single"; });
  refused("pre-chosen", [](Method& m) { m.model.class_lists = {}; });
  refused("pre-chosen", [](Method& m) { m.model.class_lists = {{0, 1}, {1, 2, 3}}; });
  refused("joint", [](Method& m) { m.objective.loss = "mse"; });
  refused("joint", [](Method& m) { m.model.targets = 2; });
}

}  // namespace divvy::test
