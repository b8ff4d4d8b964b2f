#include <cmath>
#include <limits>

#include "autograd/ops/binary.h"
#include "moe/analysis/metrics.h"
#include "moe/model/models.h"
#include "moe/training/stepper.h"
#include "moe/training/trainer.h"
#include "nn/dropout.h"
#include "nn/sequential.h"
#include "tests/moe/quadrants.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using namespace moe;
using Catch::Matchers::Contains;

constexpr int64_t kSamples = 34, kBatch = 10, kEpochs = 3;  // three whole batches an epoch, and one of four samples

data::Dataset points(int64_t samples, uint64_t seed) {
  return quadrants(samples, seed, 4, [](bool right, bool upper) { return 2 * right + upper; });
}

data::Dataset pictures(int64_t samples, uint64_t seed) {
  data::Dataset set = points(samples, seed);
  set.x = Tensor::empty({samples, 1, 28, 28}, DType::u8);
  const Tensor pixels = random_indices(set.x.shape(), 256, seed);
  for (int64_t i = 0; i < set.x.numel(); ++i) {
    set.x.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(pixels.data<int64_t>()[i]);
  }
  set.normalization = {{0.5}, {0.3}};
  return set;
}

struct Training {
  ModelOptions model = {};
  Stage stage = {};
  data::Splits data = {};
  TrainerOptions options = {.batch = kBatch};
};

Training training(std::string model, std::string network = "deep-2d") {
  Training result;
  result.model = {.model = std::move(model), .network = std::move(network), .experts = 3, .classes = 4};
  result.stage.routing = routing_of(result.model, true);
  result.stage.objective.loss = usual_loss(result.model);
  result.stage.optimizer.learning_rate = 0.01;
  result.stage.epochs = kEpochs;
  result.data.train = result.model.network.ends_with("mnist") ? pictures(kSamples, 1) : points(kSamples, 1);
  return result;
}

struct Outcome {
  nn::StateDict state;
  std::vector<double> reports;
  int64_t replayed = 0;
  std::string obstacle;
};

Outcome outcome(const Training& training, Device device, bool graph, bool resident = true) {
  Generator generator(4);
  const auto model = build_model(training.model, generator);
  model->to(device);
  TrainerOptions options = training.options;
  options.evaluation = routing_of(training.model, false);
  options.cuda_graph = graph;
  options.resident_data = resident;
  Outcome result;
  TrainerHooks hooks;
  hooks.on_epoch = [&](const EpochReport& report) {
    result.reports.push_back(report.loss);
    result.reports.push_back(report.accuracy);
    for (const auto& [name, value] : report.regularizers) result.reports.push_back(value);
    result.replayed += report.replayed_steps;
    result.obstacle = report.graph_obstacle;
  };
  hooks.on_batch = [&](const BatchReport& report) {
    if (report.batch == 2) result.reports.push_back(report.loss());
  };
  CHECK(train(*model, {"test", {training.stage}}, training.data, options, hooks));
  for (const auto& [name, value] : model->state_dict()) result.state.emplace(name, value.to(Device::cpu()));
  return result;
}

/// With a graph, without one, with batches from the host: the same bits. And nearly those of the CPU.
void check_graph(const Training& training, int64_t replays, const std::string& obstacle = "") {
  for (const Device device : available_devices()) {
    if (device.is_cpu()) continue;
    const Outcome expected = outcome(training, device, false), got = outcome(training, device, true);
    const Outcome streamed = outcome(training, device, true, false), cpu = outcome(training, Device::cpu(), true);
    CHECK(expected.replayed == 0);
    CHECK(got.replayed == replays);
    CHECK(got.obstacle == obstacle);
    CHECK(got.reports == expected.reports);
    CHECK(streamed.reports == expected.reports);
    for (const auto& [name, value] : expected.state) {
      INFO(name);
      CHECK(same_bits(got.state.at(name), value));
      CHECK(same_bits(streamed.state.at(name), value));
      CHECK(difference(got.state.at(name), cpu.state.at(name), 1e-3, 1e-4) == "");
    }
    REQUIRE(got.reports.size() == cpu.reports.size());
    for (size_t i = 0; i < cpu.reports.size(); ++i) CHECK(got.reports[i] == Approx(cpu.reports[i]).epsilon(1e-4));
  }
}

/// All whole batches but the first.
constexpr int64_t kReplays = kEpochs * (kSamples / kBatch) - 1;

}  // namespace

TEST_CASE("steps replayed as a graph give the bits of steps taken one by one", "[device]") {
  for (const char* name : {"mixture", "top-k", "single"}) {
    INFO(name);
    Training of_points = training(name);
    of_points.stage.objective.set_weight("importance", of_points.model.model == "single" ? 0 : 0.3);
    of_points.stage.clip_norm = 0.5;
    check_graph(of_points, kReplays);
  }
  Training top_2 = training("top-k");
  top_2.stage.optimizer.skip_idle_experts = true;
  top_2.options.accuracy_after_update = true;
  check_graph(top_2, kReplays);
}

TEST_CASE("a graph of convolutional experts, with gates that read them and pictures that are augmented", "[device]") {
  Training soft = training("mixture", "mnist");
  soft.options.augment = {.flip = true, .crop_padding = 2};
  soft.stage.epochs = 1;
  // Adam makes a whole step of the smallest gradient, and so of the difference between two devices.
  soft.stage.optimizer = {.name = "sgd", .learning_rate = 0.05, .momentum = 0.9};
  Training top_2 = training("top-k", "mnist");
  top_2.stage.epochs = 1;
  top_2.stage.optimizer = soft.stage.optimizer;
  Training attentive = soft;
  attentive.model.gate = GateKind::attentive;
  attentive.stage.objective.set_weight("importance", 0.2);
  attentive.stage.objective.set_weight("similarity_same", 0.1);
  Training batch_norm = soft;
  batch_norm.model.network = "fashion-mnist";  // its gate has one, with running statistics
  for (const Training& one : {soft, top_2, attentive, batch_norm}) check_graph(one, kSamples / kBatch - 1);
}

TEST_CASE("a graph that learns numbers, and one that gets responsibilities", "[device]") {
  Training regression = training("mixture", "barber");
  regression.model.targets = 2;
  regression.stage.objective.loss = "mse";
  regression.data.train.target = random_tensor({kSamples, 2}, 7, -1, 1, DType::f32);
  check_graph(regression, kReplays);

  Training em = training("mixture");
  em.stage.e_step = EStep::soft;
  em.stage.objective.loss = "responsibility";
  check_graph(em, kReplays);
}

TEST_CASE("optimizers whose numbers change with the step, and temperatures with the epoch, in a graph", "[device]") {
  for (const char* name : {"adam", "rmsprop", "sgd"}) {
    Training one = training("mixture");
    one.stage.optimizer = {.name = name, .learning_rate = 0.01, .weight_decay = 0.1, .momentum = 0.5};
    one.stage.temperatures.schedule = {4, 2, 2};
    check_graph(one, kReplays);
    one.stage.two_temperatures = true;
    check_graph(one, kReplays);
  }
}

TEST_CASE("a step with random draws or choices of the host is taken one by one, and it is said why", "[device]") {
  Training sampled = training("mixture");
  sampled.stage.routing.rule = Rule::sampled;
  check_graph(sampled, 0, "experts are drawn at random");
  Training separate = training("mixture");
  separate.model.separate_experts = true;
  check_graph(separate, 0, "the host divides the samples among separate experts");
  Training given = training("mixture");
  given.stage.routing.rule = Rule::given;
  given.stage.class_lists = {{0}, {1}, {2, 3}};
  check_graph(given, 0, "the host sorts samples to given experts");

  Generator generator(1);
  const auto layers = std::make_shared<nn::Sequential>();
  layers->push_back(std::make_shared<nn::Dropout>(0.5, generator));
  Model dropping(nullptr, layers, 1);
  CHECK(graph_obstacle(dropping, {}) == "dropout draws at random");
  Stage noisy;
  noisy.routing.scores = Scores::entropy;
  noisy.routing.noise = 0.1;
  CHECK(graph_obstacle(dropping, noisy) == "the scores of experts get random noise");
}

TEST_CASE("what cannot be recorded after all is taken step by step", "[device]") {
  /// Reads a result on the host, which nobody could know.
  class Asking final : public nn::Rowwise {
   public:
    Variable apply(const Variable& x) override { return mul(x, x.value().to_doubles().empty() ? 1 : 2); }
  };
  for (const Device device : available_devices()) {
    if (device.is_cpu()) continue;
    Training one = training("mixture");
    Generator generator(4), random(2);
    const auto model = build_model(one.model, generator);
    auto gate = std::make_shared<nn::Sequential>();
    gate->push_back(std::make_shared<Asking>());
    gate->push_back(model->gate());
    model->set_gate(gate);
    model->to(device);
    const auto optimizer = make_optimizer(*model, one.stage);
    EpochSums sums(one.stage.objective, device);
    FiniteWatch watch(device);
    Stepper stepper(*model, one.stage, *optimizer, random, sums, &watch, {.cuda_graph = true});
    CHECK(stepper.obstacle().empty());
    for (int step = 0; step < 4; ++step) {
      stepper.step(one.data.train.x.to(device), one.data.train.y.to(device));
    }
    CHECK(stepper.replays() == 0);
    CHECK_THAT(stepper.obstacle(), Contains("reading a result on the host cannot be part of a CUDA graph"));
    CHECK(optimizer->steps() == 4);
    watch.check();
  }
}

TEST_CASE("a step on a device that is not finite is told with its number and leaves the parameters", "[device]") {
  Training one = training("mixture");
  one.options.batch = 5;  // seven steps
  one.stage.epochs = 1;
  one.stage.clip_norm = 1;
  // The message, and what became of the model when a weight turned to NaN ahead of a step.
  const auto failure = [&](Device device, int64_t bad_step) {
    Generator generator(4);
    const auto model = build_model(one.model, generator);
    model->to(device);
    nn::StateDict before;
    const auto spoil = [&] {
      Variable weight = model->parameter("experts.0.weight");
      Tensor values = weight.value().to(Device::cpu()).clone();
      values.mutable_data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
      weight.mutable_value().copy_from(values);
      for (const auto& [name, value] : model->state_dict()) before.emplace(name, value.to(Device::cpu()));
    };
    TrainerHooks hooks;
    hooks.on_batch = [&](const BatchReport& report) {
      if (report.step == bad_step - 1) spoil();
    };
    if (bad_step == 1) spoil();
    const std::string message = refusal<NonFiniteError>([&] {
      train(*model, {"test", {one.stage}}, one.data, one.options, hooks);
    });
    for (const auto& [name, value] : model->state_dict()) {
      INFO(name);
      CHECK(same_bits(value.to(Device::cpu()), before.at(name)));
    }
    return message;
  };
  for (const int64_t bad_step : {1, 2, 4, 7}) {  // one by one, recorded, replayed, smaller than the others
    const std::string expected = failure(Device::cpu(), bad_step);
    CHECK_THAT(expected, Contains(fmt::format(", at step {};", bad_step)));
    for (const Device device : available_devices()) {
      for (const bool graph : {false, true}) {
        one.options.cuda_graph = graph;
        CHECK(failure(device, bad_step) == expected);
      }
    }
  }
}

}  // namespace divvy::test
