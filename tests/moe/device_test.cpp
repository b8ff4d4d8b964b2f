#include "autograd/ops/softmax.h"
#include "moe/analysis/record.h"
#include "moe/model/models.h"
#include "moe/training/train_step.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

using namespace moe;

constexpr int64_t kExperts = 3, kClasses = 4, kSamples = 9, kSteps = 3;

ModelOptions options_of(std::string_view model) {
  ModelOptions options;
  options.model = std::string(model);
  options.network = "shallow-2d";
  options.experts = kExperts;
  options.classes = kClasses;
  options.class_lists = {{0}, {1, 3}, {2}};
  options.dtype = DType::f64;
  return options;
}

/// What a model became in a few steps, and what it says then; on the CPU.
struct Outcome {
  std::vector<double> losses;
  nn::StateDict state;
  Tensor output;
  Record record;
};

Tensor on(Device device, const Tensor& t) { return t.defined() ? t.to(device) : t; }

Outcome train(const ModelOptions& options, Stage stage, const Tensor& x, const Supervision& known, Device device) {
  Generator generator(11), random(3);
  const auto model = build_model(options, generator);
  model->to(device);
  Supervision own(on(device, known.labels));
  own.target = on(device, known.target);
  own.experts = on(device, known.experts);
  own.responsibilities = on(device, known.responsibilities);
  const auto optimizer = make_optimizer(*model, stage);
  Outcome result;
  for (int64_t step = 0; step < kSteps; ++step) {
    const Terms terms = train_step(*model, stage, *optimizer, Variable(x.to(device)), own, random);
    result.losses.push_back(terms.total.value().item());
  }
  model->eval();
  const NoGrad no_grad;
  const Forward forward = model->run(Variable(x.to(device)), routing_of(options, false), random, own);
  CHECK(forward.output.device() == device);
  if (own.target.defined()) {
    result.record.append(forward, own.labels, own.target);
  } else {
    result.record.append(forward, own.labels);
  }
  result.output = forward.output.value().to(Device::cpu());
  for (const auto& [name, value] : model->state_dict()) result.state.emplace(name, value.to(Device::cpu()));
  return result;
}

/// Training on every device against training on the CPU.
void check_devices(const ModelOptions& options, const Stage& stage, const Tensor& x, const Supervision& known,
                   double tolerance = 1e-9) {
  const Outcome expected = train(options, stage, x, known, Device::cpu());
  for (const Device device : available_devices()) {
    INFO(options.model << " on " << device.to_string());
    const Outcome got = train(options, stage, x, known, device);
    for (size_t step = 0; step < expected.losses.size(); ++step) {
      CHECK(got.losses[step] == Approx(expected.losses[step]).epsilon(tolerance));
    }
    for (const auto& [name, value] : expected.state) {
      INFO(name);
      CHECK(difference(got.state.at(name), value, tolerance, tolerance) == "");
    }
    CHECK(difference(got.output, expected.output, tolerance, tolerance) == "");
    CHECK(got.record.prediction == expected.record.prediction);
    CHECK(got.record.expert == expected.record.expert);
    CHECK(got.record.expert_prediction == expected.record.expert_prediction);
    CHECK(got.record.evaluated_rows == expected.record.evaluated_rows);
  }
}

Supervision supervision(int64_t samples, int64_t classes = kClasses) {
  Supervision known(random_indices({samples}, classes, 5));
  known.experts = random_indices({samples, 1}, kExperts, 6);
  known.responsibilities = softmax(Variable(random_tensor({samples, kExperts}, 7))).value();
  return known;
}

Stage stage_of(const ModelOptions& options) {
  Stage stage;
  stage.routing = routing_of(options, true);
  stage.objective.loss = usual_loss(options);
  stage.optimizer.learning_rate = 0.01;
  return stage;
}

Tensor points(int64_t samples) { return random_tensor({samples, 2}, 4, -2, 2); }

}  // namespace

TEST_CASE("every model learns on a device what it learns on the CPU", "[device]") {
  for (const ModelKind& kind : models()) {
    for (const GateKind gate : {GateKind::plain, GateKind::augmented}) {
      if (!kind.gated && gate != GateKind::plain) continue;
      ModelOptions options = options_of(kind.name);
      options.gate = gate;
      check_devices(options, stage_of(options), points(kSamples), supervision(kSamples));
    }
  }
}

TEST_CASE("experts one by one, masked classes and escort probabilities on a device", "[device]") {
  for (const char* name : {"mixture", "top-k", "stochastic"}) {
    ModelOptions options = options_of(name);
    options.separate_experts = true;
    check_devices(options, stage_of(options), points(kSamples), supervision(kSamples));
    options.separate_experts = false;
    options.class_mask = true;
    check_devices(options, stage_of(options), points(kSamples), supervision(kSamples));
    options.gate_normalizer = Normalizer::escort;
    options.expert_output = ExpertOutput::escort;
    check_devices(options, stage_of(options), points(kSamples), supervision(kSamples));
  }
}

TEST_CASE("every regularizer and way of training on a device", "[device]") {
  const ModelOptions mixture = options_of("mixture");
  Stage stage = stage_of(mixture);
  stage.objective.set_weight("importance", 0.3);
  stage.objective.set_weight("similarity_same", 0.2);
  stage.objective.set_weight("similarity_different", 0.1);
  stage.objective.set_weight("class_balance", 0.1);
  stage.objective.set_weight("orthogonality", 0.1);
  stage.objective.set_weight("ideal_gate", 0.2);
  stage.objective.set_weight("gate_regression", 0.1);
  stage.clip_norm = 0.5;
  check_devices(mixture, stage, points(kSamples), supervision(kSamples));
  stage = stage_of(mixture);
  stage.two_temperatures = true;
  stage.routing.temperature = 2;
  stage.optimizer.name = "adam";
  check_devices(mixture, stage, points(kSamples), supervision(kSamples));

  const ModelOptions top_k = options_of("top-k");
  for (const char* optimizer : {"adamw", "rmsprop", "sgd"}) {
    stage = stage_of(top_k);
    stage.optimizer = {.name = optimizer, .learning_rate = 0.01, .weight_decay = 0.1, .skip_idle_experts = true};
    check_devices(top_k, stage, points(1), supervision(1));
  }
}

TEST_CASE("a choice with gaps on a device", "[device]") {
  const ModelOptions options = options_of("mixture");
  Generator generator(2), random;
  const auto model = build_model(options, generator);
  Supervision known = supervision(4);
  known.experts = Tensor::from<int64_t>({0, 2, -1, 1, 2, -1, -1, -1}, {4, 2});
  const RoutingOptions given{.rule = Rule::given, .weighting = Weighting::one};
  const Forward expected = model->run(Variable(points(4)), given, random, known);
  for (const Device device : available_devices()) {
    model->to(device);
    const Forward got = model->run(Variable(points(4).to(device)), given, random, known);
    CHECK(got.dispatch.rows() == 4);
    CHECK(difference(got.output.value().to(Device::cpu()), expected.output.value(), 1e-12, 1e-14) == "");
    model->to(Device::cpu());
  }
}

TEST_CASE("a large batch on a device is dispatched by what its routing counted", "[device]") {
  const ModelOptions options = options_of("top-k");
  Generator generator(2), random;
  const auto model = build_model(options, generator);
  for (const Device device : available_devices()) {
    model->to(device);
    const Forward got = model->run(Variable(points(2500).to(device)), {.rule = Rule::top_k, .k = 2}, random);
    CHECK(got.routing.counts.defined() == device.is_cuda());
    const Dispatch expected = Dispatch::of(got.routing.experts.to(Device::cpu()), kExperts);
    CHECK(same_bits(got.dispatch.segments.offsets.to(Device::cpu()), expected.segments.offsets));
    CHECK(same_bits(got.dispatch.segments.sample.to(Device::cpu()), expected.segments.sample));
    CHECK(same_bits(got.dispatch.position.to(Device::cpu()), expected.position));
    model->to(Device::cpu());
  }
}

TEST_CASE("a mixture of convolutional experts in f32 learns on a device", "[device]") {
  for (const char* name : {"mixture", "top-k"}) {
    ModelOptions options = options_of(name);
    options.network = "mnist";
    options.classes = 10;
    options.class_lists = {};
    options.dtype = DType::f32;
    check_devices(options, stage_of(options), random_tensor({5, 1, 28, 28}, 8, 0, 1, DType::f32), supervision(5, 10),
                  1e-3);
  }
}

TEST_CASE("a regression on a device", "[device]") {
  ModelOptions options = options_of("mixture");
  options.network = "barber";
  options.targets = 1;
  options.expert_output = ExpertOutput::as_is;
  options.class_lists = {};
  Supervision known = supervision(kSamples);
  known.target = random_tensor({kSamples, 1}, 9);
  check_devices(options, stage_of(options), points(kSamples), known);
}

}  // namespace divvy::test
