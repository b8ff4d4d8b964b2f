#include "autograd/gradcheck.h"
#include "moe/model/models.h"
#include "moe/model/networks.h"
#include "nn/residual.h"
#include "tensor/error.h"
#include "tests/nn/pytorch_fixture.h"
#include "tests/support/layer_case.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using namespace moe;

NetworkPlan small_plan(bool preactivation, bool average = true) {
  return {.hidden = {},
          .residual = ResidualBody{.stem = preactivation ? 2 : 3,
                                   .groups = {{3, 2, 1}, {4, 2, 2}},
                                   .preactivation = preactivation,
                                   .average = average}};
}

std::shared_ptr<nn::Sequential> small_network(bool preactivation, int64_t experts, Generator& generator,
                                              DType dtype = DType::f64) {
  return build_network(small_plan(preactivation),
                       {.sample = {2, 6, 6}, .outputs = 3, .experts = experts, .dtype = dtype}, generator);
}

}  // namespace

TEST_CASE("residual networks give PyTorch's values, gradients and statistics", "[pytorch]") {
  const Fixture fixture("residual");
  CHECK(fixture.cases() ==
        std::set<std::string>{"preactivated_eval", "preactivated_train", "residual_eval", "residual_train"});
  for (const std::string& name : fixture.cases()) {
    for (DType dtype : {DType::f64, DType::f32}) {
      Generator generator;
      const auto network = small_network(name.starts_with("preactivated"), 0, generator, dtype);
      network->train(name.ends_with("train"));
      check_module(fixture, name, *network, dtype);
    }
  }
}

TEST_CASE("gradients of residual networks, alone and stacked, in training and evaluation", "[device]") {
  Generator generator(7);
  uint64_t seed = 1;
  for (bool preactivation : {false, true}) {
    const NetworkPlan plan{
        .residual = ResidualBody{.stem = 2, .groups = {{2, 1, 1}, {3, 1, 2}}, .preactivation = preactivation}};
    for (int64_t experts : {0, 2}) {
      for (bool training : {true, false}) {
        const auto network = build_network(
            plan, {.sample = {1, 4, 4}, .outputs = 2, .experts = experts, .dtype = DType::f64}, generator);
        network->train(training);
        draw_biases_and_statistics(*network, ++seed);
        check_gradients(*network, random_tensor({2, 1, 4, 4}, seed), random_segments(experts, 4, seed, 2));
      }
    }
  }
}

TEST_CASE("a stack of residual networks is the networks one by one", "[device]") {
  Generator generator(8);
  uint64_t seed = 1;
  for (bool preactivation : {false, true}) {
    for (int64_t rows : {0, 1, 7}) {
      for (bool training : {true, false}) {
        const auto stacked = small_network(preactivation, 3, generator);
        stacked->train(training);
        draw_biases_and_statistics(*stacked, ++seed);
        check_stacked(
            *stacked, [&] { return small_network(preactivation, 0, generator); }, random_tensor({4, 2, 6, 6}, seed),
            random_segments(3, rows, seed, 4));
      }
    }
  }
}

TEST_CASE("a residual body ends with the mean of each channel or with all pixels") {
  Generator generator(9);
  const NetworkOptions options{.sample = {2, 5, 7}, .outputs = 3, .dtype = DType::f64};
  for (bool preactivation : {false, true}) {
    for (bool average : {true, false}) {
      const NetworkPlan plan = small_plan(preactivation, average);
      const int64_t count = average ? 4 : 4 * 3 * 4;
      CHECK(feature_count(plan, options.sample) == count);
      const auto features = build_features(plan, options, generator);
      CHECK((*features)(Variable(random_tensor({2, 2, 5, 7}, 1))).shape() == Shape{2, count});
      const auto network = build_network(plan, options, generator);
      CHECK((*network)(Variable(random_tensor({2, 2, 5, 7}, 1))).shape() == Shape{2, 3});
    }
  }
}

TEST_CASE("outputs of a residual network serve as features: nothing is recorded and nothing moves") {
  Generator generator(10);
  for (bool preactivation : {false, true}) {
    const auto network = small_network(preactivation, 0, generator);
    network->eval();
    const nn::StateDict before = network->state_dict();
    const Variable x(random_tensor({6, 2, 6, 6}, 4), true);
    Variable features;
    {
      const NoGrad no_grad;
      features = (*network)(x);
    }
    CHECK_FALSE(features.requires_grad());
    for (const auto& [name, value] : network->state_dict()) CHECK(same_bits(value, before.at(name)));
    // A sample has the same features whatever the batch, so distances do not depend on its other samples.
    const NoGrad no_grad;
    const Variable alone = (*network)(Variable(x.value().slice(2, 3).clone()));
    CHECK(difference(alone.value(), features.value().slice(2, 3), 1e-12, 1e-13) == "");
  }
}

TEST_CASE("the named residual networks have the layers of their papers") {
  Generator generator;
  for (const auto& [name, blocks, depth] :
       {std::tuple{"resnet-18", 8, 18}, {"wideresnet-40-4", 18, 40}, {"cifar10-residual", 3, 10}}) {
    INFO(name);
    const NetworkPair& pair = networks().at(name);
    const auto network = build_network(pair.expert, {.sample = pair.sample, .outputs = 10}, generator);
    int found = 0, layers = 0;
    for (const auto& [path, module] : network->named_modules()) {
      const std::string text = module->describe();
      found += text == "Residual" || text == "PreactivatedResidual";
      // A depth counts convolutions and fully connected layers, without those of shortcuts.
      layers +=
          path.find("shortcut") == std::string::npos && (text.starts_with("Conv2d") || text.starts_with("Linear"));
    }
    CHECK(found == blocks);
    // The 40 of WideResNet are all convolutions: the three of its shortcuts count, the fully connected layer does not.
    CHECK(layers == depth - (std::string(name) == "wideresnet-40-4" ? 2 : 0));
  }
}

TEST_CASE("a residual body that cannot be is refused") {
  Generator generator;
  const NetworkOptions options{.sample = {2, 4, 4}, .outputs = 3};
  const auto refused = [&](NetworkPlan plan) {
    return refusal<ValueError>([&] { build_network(plan, options, generator); });
  };
  NetworkPlan plan = small_plan(false);
  plan.blocks = {{}};
  CHECK(refused(plan) == "a network has convolution blocks or a residual body; this one has both");
  plan = small_plan(false);
  plan.residual->groups[1].blocks = 0;
  CHECK(refused(plan) == "a group of 0 residual blocks with stride 2 is impossible: both must be at least 1");
  plan.residual->groups[1] = {4, 1, 0};
  CHECK(refused(plan) == "a group of 1 residual blocks with stride 0 is impossible: both must be at least 1");
  plan = small_plan(true);
  plan.residual->stem = 0;
  CHECK(refused(plan) == "Conv2d: out must be at least 1, got 0");
  CHECK_THROWS_AS(build_network(small_plan(true), {.sample = {2}, .outputs = 3}, generator), ShapeError);
  CHECK_THROWS_AS(build_network(small_plan(true), {.sample = {2, 0, 4}, .outputs = 3}, generator), ShapeError);
  CHECK_THROWS_AS(build_network(small_plan(true), {.sample = {2, 4, 4}, .outputs = 0}, generator), ValueError);
}

}  // namespace divvy::test
