#include "moe/analysis/metrics.h"
#include "moe/model/models.h"
#include "moe/training/trainer.h"
#include "nn/linear.h"
#include "tests/moe/quadrants.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

using namespace moe;

data::Dataset quadrants(int64_t samples, uint64_t seed) {
  return test::quadrants(samples, seed, 4, [](bool right, bool upper) { return 2 * right + upper; });
}

/// The same labels on pictures.
data::Dataset pictures(data::Dataset set, uint64_t seed) {
  set.x = random_tensor({set.size(), 1, 28, 28}, seed, 0, 1, DType::f32);
  return set;
}

struct Outcome {
  std::vector<double> losses, accuracies;
  nn::StateDict state;
  double test_accuracy = 0;
};

Outcome outcome(const std::string& recipe, const Method& method, Device device) {
  data::Splits data{quadrants(40, 1), quadrants(20, 2), quadrants(20, 3)};
  if (method.model.network == "mnist") {
    data = {pictures(quadrants(8, 1), 5), pictures(quadrants(4, 2), 6), pictures(quadrants(4, 3), 7)};
  }
  Generator generator(4);
  const auto model = build_model(method.model, generator);
  model->to(device);
  const TrainerOptions how{.batch = 16, .evaluation = routing_of(method.model, false), .accuracy_after_update = true};
  Outcome result;
  TrainerHooks hooks;
  hooks.on_epoch = [&](const EpochReport& report) {
    result.losses.push_back(report.loss);
    result.accuracies.push_back(report.accuracy);
    result.accuracies.push_back(accuracy(report.validation));
  };
  CHECK(train(*model, make_recipe(recipe, method), data, how, hooks));
  result.test_accuracy = accuracy(evaluate(*model, data.test, how));
  for (const auto& [name, value] : model->state_dict()) result.state.emplace(name, value.to(Device::cpu()));
  return result;
}

}  // namespace

TEST_CASE("every recipe runs on a device as on the CPU", "[device]") {
  for (const RecipeKind& kind : recipes()) {
    const std::string name(kind.name);
    Method method;
    method.model = {.model = name == "em" || name == "loss-gate" ? name : "mixture",
                    .network = "deep-2d",
                    .experts = 2,
                    .classes = 4,
                    .class_lists = {{0, 1}, {2, 3}}};
    if (name == "distil") {  // an attentive gate needs hidden layers of one width
      method.model.gate = GateKind::attentive;
      method.model.network = "mnist";
    }
    method.objective.loss = usual_loss(method.model);
    method.optimizer = {.learning_rate = 0.01};
    method.epochs = 2;
    method.first_epochs = 1;
    const Outcome expected = outcome(name, method, Device::cpu());
    for (const Device device : available_devices()) {
      INFO(name << " on " << device.to_string());
      const Outcome got = outcome(name, method, device);
      REQUIRE(got.losses.size() == expected.losses.size());
      for (size_t i = 0; i < got.losses.size(); ++i) {
        CHECK(got.losses[i] == Approx(expected.losses[i]).epsilon(1e-4));
      }
      for (const auto& [key, value] : expected.state) {
        INFO(key);
        CHECK(difference(got.state.at(key), value, 1e-3, 1e-4) == "");
      }
      CHECK(got.accuracies == expected.accuracies);
      CHECK(got.test_accuracy == expected.test_accuracy);
    }
  }
}

TEST_CASE("distances between the outputs of a network are taken on the device", "[device]") {
  Method method;
  method.model = {.model = "mixture", .network = "deep-2d", .experts = 2, .classes = 4};
  method.objective.set_weight("similarity_same", 0.5);
  method.objective.set_weight("similarity_different", 0.5);
  method.optimizer = {.learning_rate = 0.01};
  method.epochs = 2;
  const auto losses = [&](Device device) {
    Generator generator(9);
    method.objective.distance_features = std::make_shared<nn::Linear>(nn::LinearOptions{.in = 2, .out = 3}, generator);
    method.objective.distance_features->freeze(true);
    return outcome("joint", method, device).losses;
  };
  const auto expected = losses(Device::cpu());
  for (const Device device : available_devices()) {
    const auto got = losses(device);
    REQUIRE(got.size() == expected.size());
    for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(expected[i]).epsilon(1e-4));
  }
}

}  // namespace divvy::test
