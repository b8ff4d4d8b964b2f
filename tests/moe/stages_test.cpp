// What the stages of a recipe take over from the method, and from each other.

#include <cmath>
#include <functional>

#include "moe/analysis/metrics.h"
#include "moe/model/gate.h"
#include "moe/reproduction/quirks.h"
#include "moe/training/trainer.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "nn/softmax.h"
#include "tests/moe/quadrants.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

data::Dataset quadrants(int64_t samples, uint64_t seed) {
  return test::quadrants(samples, seed, 4, [](bool right, bool upper) { return 2 * right + upper; });
}

Method method_of(const char* model) {
  Method method;
  method.model = {.model = model, .network = "deep-2d", .experts = 2, .classes = 4, .class_lists = {{0, 1}, {2, 3}}};
  method.objective.loss = usual_loss(method.model);
  method.optimizer.learning_rate = 0.01;
  method.epochs = 4;
  method.first_epochs = 3;
  return method;
}

/// Two experts under a gate that reads their hidden layers.
std::unique_ptr<Model> attentive_model() {
  const NetworkPlan plan{.hidden = {4}};
  Generator generator(12);
  auto gate = std::make_shared<AttentiveGate>(
      build_network(plan, {.sample = {2}, .outputs = 0, .dtype = DType::f64}, generator), 4, DType::f64, generator);
  return std::make_unique<Model>(
      gate, build_network(plan, {.sample = {2}, .outputs = 4, .experts = 2, .dtype = DType::f64}, generator), 2,
      ModelSettings{.expert_output = ExpertOutput::softmax});
}

/// The gradients of the experts in one step of a stage.
std::vector<Tensor> expert_gradients(Model& model, Stage stage) {
  stage.optimizer = {.name = "sgd", .learning_rate = 1, .momentum = 0};
  Generator random;
  const auto optimizer = make_optimizer(model, stage);
  train_step(model, stage, *optimizer, Variable(random_tensor({6, 2}, 3)), Supervision(random_indices({6}, 4, 5)),
             random);
  std::vector<Tensor> gradients;
  for (const Variable& parameter : model.expert_stack()->parameters()) gradients.push_back(parameter.grad().clone());
  return gradients;
}

bool same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    if (!same_bits(a[i], b[i])) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("one schedule of temperatures runs through all stages in which the gate learns") {
  Method method = method_of("mixture");
  method.temperatures.schedule = {8, 4, 2};
  const auto temperatures = [&](const char* name) {
    std::vector<double> all;
    for (const Stage& stage : make_recipe(name, method).stages) {
      TemperatureSequence sequence(stage.temperatures, stage.routing.temperature);
      for (int64_t e = 0; e < stage.epochs; ++e) all.push_back(sequence.next());
    }
    return all;
  };
  CHECK(temperatures("joint") == std::vector<double>{8, 4, 2, 2});
  // The experts alone at the usual temperature, the gate alone for two epochs, both for two.
  CHECK(temperatures("no-gate-then-gate") == std::vector<double>{1, 1, 1, 8, 4, 2, 2});
  CHECK(temperatures("pre-chosen-unfixed") == std::vector<double>{1, 1, 1, 8, 4, 2, 2});
  // Under a frozen gate its last temperature stays.
  CHECK(temperatures("transfer-same") == std::vector<double>{8, 4, 2, 2, 2, 2, 2});
  CHECK(make_recipe("transfer-same", method).temperature() == 2);
  CHECK(make_recipe("transfer-same", method).gate_epochs() == 3);
  CHECK(make_recipe("no-gate-then-gate", method).gate_epochs() == 4);
  method.epochs = 2;
  CHECK(make_recipe("no-gate-then-gate", method).temperature() == 4);
  CHECK(make_recipe("two-temperatures", method).temperature() == 1);

  // A decay goes on, too: 8, 8, 8 / 2, 4 / 3, ...
  method.epochs = 4;
  method.temperatures = {.schedule = {8}, .decay = 1};
  const auto decayed = temperatures("no-gate-then-gate");
  CHECK(decayed[5] == Approx(4));
  CHECK(decayed[6] == Approx(4.0 / 3));
  CHECK(make_recipe("no-gate-then-gate", method).temperature() == Approx(4.0 / 3));
}

TEST_CASE("the regression of a loss gate does not reach the experts that the gate reads") {
  const auto gradients = [](double weight) {
    Method method = method_of("loss-gate");
    method.objective.set_weight("gate_regression", weight);
    return expert_gradients(*attentive_model(), make_recipe("loss-gate", method).stages[0]);
  };
  CHECK(same(gradients(1), gradients(1000)));
}

TEST_CASE("with two temperatures orthogonality reaches the experts") {
  const auto gradients = [](double weight) {
    Method method = method_of("mixture");
    method.objective.set_weight("orthogonality", weight);
    return expert_gradients(*attentive_model(), make_recipe("two-temperatures", method).stages[0]);
  };
  const auto none = gradients(0), some = gradients(1), more = gradients(2);
  CHECK(!same(none, some));
  for (size_t i = 0; i < none.size(); ++i) {  // the gradient of the sum is the sum of the gradients
    const auto a = none[i].to_doubles(), b = some[i].to_doubles(), c = more[i].to_doubles();
    for (size_t j = 0; j < a.size(); ++j) CHECK(c[j] - b[j] == Approx(b[j] - a[j]).margin(1e-12));
  }
}

TEST_CASE("quirks of losses and E-steps reach the stages, and no others") {
  const auto stage = [](const char* model, const char* recipe, const char* quirks) {
    Method method = method_of(model);
    if (std::string_view(model) == "em") {
      method.model.targets = 2;
      method.model.classes = 0;
    }
    method.objective.set_weight("similarity_same", 1);
    Recipe made = make_recipe(recipe, method);
    Quirks::parse(quirks).apply(made, method.model);
    return made.stages.back();
  };
  // Two equal experts, and two samples at distance 1 that both have the label 0.
  Forward forward;
  forward.input = Variable(Tensor::from({0., 1.}, {2, 1}));
  forward.dispatch = Dispatch::dense(2, 2);
  forward.rows = Variable(Tensor::from({.5, .5, .5, .5, .2, .8, .2, .8}, {4, 2}));
  forward.routing.weights = forward.routing.probabilities = Variable(Tensor::full({2, 2}, .5, DType::f64));
  forward.routing.experts = Tensor::from<int64_t>({0, 1, 0, 1}, {2, 2});
  const auto terms = [&](const Stage& s) { return evaluate(s.objective, forward, Tensor::from<int64_t>({0, 0})); };
  const auto em_loss = [&](const char* quirks) {
    Forward regression = forward;
    regression.rows = Variable(Tensor::full({4, 1}, 2, DType::f64));  // ln of the likelihood of 0 is -2
    Supervision known;
    known.target = Tensor::zeros({2, 1}, DType::f64);
    known.responsibilities = Tensor::full({2, 2}, .5, DType::f64);
    Objective objective = stage("em", "em", quirks).objective;
    objective.regularizers.clear();
    return evaluate(objective, regression, known).loss.value().item();
  };
  for (const char* recipe : {"joint", "no-gate-then-gate", "transfer-fresh"}) {
    INFO(recipe);
    const Stage faithful = stage("stochastic", recipe, "square-root-likelihood,similarity-bracket,drifting-statistics");
    CHECK(terms(faithful).loss.value().item() == Approx(-std::log(.5 * std::sqrt(.5) + .5 * std::sqrt(.2))));
    CHECK(terms(faithful).regularizer("similarity_same").value().item() == Approx(.5));
    CHECK(!faithful.freeze_statistics);
    const Stage correct = stage("stochastic", recipe, "none");
    CHECK(terms(correct).loss.value().item() == Approx(-std::log(.5 * .5 + .5 * .2)));
    CHECK(terms(correct).regularizer("similarity_same").value().item() == Approx(.5 / 4));
    CHECK(correct.freeze_statistics);
  }
  CHECK(stage("em", "em", "scrambled-em").e_step_transform != nullptr);
  CHECK(stage("em", "em", "scrambled-em").joint == joint_log_likelihood);
  CHECK(stage("em", "em", "em-gate-sign").joint != joint_log_likelihood);
  CHECK(em_loss("em-gate-sign") == Approx(.5 * (2 * 2) / 2));  // p * -ln likelihood
  CHECK(em_loss("scrambled-em") == Approx(std::log(2) + 2));   // -ln p - ln likelihood
  CHECK(stage("em", "em", "em-gate-sign").e_step_transform == nullptr);
}

TEST_CASE("batch norms of frozen experts stand still, and drift with the quirk") {
  for (const bool drifting : {false, true}) {
    Method method = method_of("mixture");
    method.model.network = "fashion-mnist";
    Quirks quirks;
    if (drifting) quirks.add("drifting-statistics");
    method.epochs = 2, method.first_epochs = 1;
    data::Dataset set = quadrants(8, 1);
    set.x = random_tensor({8, 1, 28, 28}, 5, 3, 4, DType::f32);
    Generator generator(3);
    // The gate of this network has the batch norm; frozen, it is the part that new experts learn under.
    const auto model = build_model(method.model, generator);
    nn::StateDict under_gate;
    TrainerHooks hooks;
    hooks.on_epoch = [&](const EpochReport& report) {
      if (report.epoch == 1) under_gate = model->gate()->state_dict();
    };
    Recipe recipe = make_recipe("transfer-fresh", method);
    quirks.apply(recipe, method.model);
    train(*model, recipe, {set, {}, {}}, {.batch = 4}, hooks);
    int64_t statistics = 0;
    for (const auto& [name, value] : model->gate()->state_dict()) {
      const bool running = name.find("running") != std::string::npos;
      statistics += running;
      INFO(name);
      CHECK(same_bits(value, under_gate.at(name)) == !(running && drifting));
    }
    CHECK(statistics > 0);
  }
}

TEST_CASE("the validation part is augmented where a quirk asks for it") {
  Generator generator(3);
  const auto model = build_model({.model = "single", .network = "mnist", .classes = 4}, generator);
  data::Dataset set = quadrants(16, 1);
  set.x = random_tensor({16, 1, 28, 28}, 5, 0, 1, DType::f32);
  const auto losses = [&](bool augmented) {
    Recipe still = joint(routing_of({.model = "single", .network = "mnist", .classes = 4}, true), {}, {}, 1);
    still.stages[0].optimizer = {.name = "sgd", .learning_rate = 1e-30};
    std::vector<float> loss;
    TrainerHooks hooks;
    hooks.on_epoch = [&](const EpochReport& report) { loss = report.validation.loss; };
    train(*model, still, {set, set, {}},
          {.batch = 16, .augment = {.flip = true, .crop_padding = 4}, .augment_validation = augmented}, hooks);
    return loss;
  };
  const auto plain = losses(false);
  CHECK(plain == evaluate(*model, set, {.batch = 16}).loss);
  CHECK(losses(true) != plain);
}

TEST_CASE("dropout goes on in evaluation where a quirk asks for it, and batch norms do not") {
  Generator generator(3);
  auto network = nn::sequential(std::make_shared<nn::Linear>(nn::LinearOptions{.in = 2, .out = 8}, generator),
                                std::make_shared<nn::Dropout>(0.5, generator),
                                std::make_shared<nn::Linear>(nn::LinearOptions{.in = 8, .out = 4}, generator),
                                std::make_shared<nn::Softmax>());
  Model model(nullptr, network, 1);
  const data::Dataset set = quadrants(32, 1);
  const auto plain = evaluate(model, set, {.batch = 32}).loss;
  CHECK(plain == evaluate(model, set, {.batch = 32}).loss);
  TrainerOptions dropping{.batch = 32};
  Quirks::parse("dropout-in-evaluation").apply(dropping);
  const auto dropped = evaluate(model, set, dropping).loss;
  CHECK(dropped != plain);
  CHECK(dropped != evaluate(model, set, dropping).loss);  // drawn anew
  CHECK(plain == evaluate(model, set, {.batch = 32}).loss);

  const auto norms =
      build_model({.model = "mixture", .network = "fashion-mnist", .experts = 2, .classes = 4}, generator);
  data::Dataset pictures = set;
  pictures.x = random_tensor({32, 1, 28, 28}, 5, 3, 4, DType::f32);
  CHECK(evaluate(*norms, pictures, {.batch = 32}).loss == evaluate(*norms, pictures, dropping).loss);
}

TEST_CASE("accuracy after the update is that of the routing of evaluations") {
  // One batch an epoch: the second pass over it is an evaluation of the training part.
  const Method method = method_of("stochastic");
  const data::Dataset set = quadrants(64, 1);
  Generator generator(3);
  const auto model = build_model(method.model, generator);
  const TrainerOptions how{.batch = 64, .evaluation = routing_of(method.model, false), .accuracy_after_update = true};
  int64_t differ = 0;
  TrainerHooks hooks;
  hooks.on_epoch = [&](const EpochReport& report) {
    CHECK(report.accuracy == Approx(accuracy(evaluate(*model, set, how))));
    differ += report.accuracy != accuracy(evaluate(*model, set, {.batch = 64}));
  };
  Method longer = method;
  longer.epochs = 30;
  train(*model, make_recipe("joint", longer), {set, {}, {}}, how, hooks);
  CHECK(differ > 0);  // the mixture answers otherwise than the expert that the gate prefers
}

}  // namespace divvy::test
