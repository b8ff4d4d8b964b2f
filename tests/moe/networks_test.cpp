#include "moe/model/networks.h"

#include <algorithm>
#include <map>
#include <set>

#include "moe/model/models.h"
#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/flatten.h"
#include "nn/linear.h"
#include "nn/pool.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using namespace moe;

int64_t expert_parameters(const char* name, int64_t classes) {
  Generator generator;
  const NetworkPair& pair = networks().at(name);
  return build_network(pair.expert, {.sample = pair.sample, .outputs = classes, .softmax = true}, generator)
      ->parameter_count();
}

/// 0 experts: the body of an attentive gate.
int64_t gate_parameters(const char* name, int64_t experts) {
  Generator generator;
  const NetworkPair& pair = networks().at(name);
  return build_network(pair.gate, {.sample = pair.sample, .outputs = experts}, generator)->parameter_count();
}

struct Counts {
  int64_t classes;
  int64_t expert;
  std::map<int64_t, int64_t> gate;  ///< by the number of experts; 0: without an output layer
};

/// Published, as far as there are published ones: from cifar10-conv6 on the counts are this library's own.
const std::map<std::string, Counts>& expected_counts() {
  static const std::map<std::string, Counts> all = {
      {"mnist", {10, 1382, {{0, 25898}, {5, 26063}, {10, 26228}, {20, 26558}}}},
      {"mnist-small", {10, 1030, {{5, 30351}}}},
      {"fashion-mnist", {10, 13300, {{5, 709413}, {10, 709578}}}},
      {"fashion-mnist-and-mnist", {12, 1448, {{6, 22912}}}},
      {"fashion-mnist-and-mnist-small", {12, 1052, {{6, 27232}}}},
      {"conv-28x28", {10, 60586, {{5, 32693}}}},
      {"cifar10", {10, 10490, {{0, 1502496}, {5, 1502661}, {10, 1502826}}}},
      {"cifar10-conv2", {10, 2173322, {{10, 2173322}}}},
      {"cifar100", {100, 911012, {{0, 3912192}, {20, 3917332}}}},
      {"cifar100-128", {100, 72260, {{20, 2634836}}}},
      {"cifar100-classification", {100, 438820, {{20, 2668948}}}},
      {"linear-2d", {6, 18, {{5, 15}}}},
      {"shallow-2d", {6, 42, {{5, 15}}}},
      {"deep-2d", {6, 722, {{5, 709}}}},
      {"resnet-18", {10, 11173962, {{10, 1502826}}}},
      {"wideresnet-40-4", {10, 8949210, {}}},
      {"barber", {2, 4, {{2, 6}}}},
      {"cifar10-conv6", {10, 140202, {{10, 1502826}}}},
      {"cifar10-residual", {10, 1128442, {{10, 1502826}}}},
      {"hidden-2d", {2, 82, {{0, 48}, {5, 133}}}},
      {"sin-data", {1, 49, {{2, 66}}}},
      {"iris", {3, 131, {{2, 114}}}},
      {"car-evaluation", {4, 1300, {{2, 1266}}}},
      {"breast-cancer", {2, 1554, {{2, 1554}}}},
  };
  return all;
}

}  // namespace

TEST_CASE("networks have the parameter counts that were published for them") {
  for (const auto& [name, counts] : expected_counts()) {
    INFO(name);
    CHECK(expert_parameters(name.c_str(), counts.classes) == counts.expert);
    for (const auto& [experts, expected] : counts.gate) {
      INFO("gate of " << experts);
      CHECK(gate_parameters(name.c_str(), experts) == expected);
    }
  }
  // Whole models, as they were printed.
  const auto total = [](const char* name, int64_t experts) {
    const Counts& counts = expected_counts().at(name);
    return experts * counts.expert + counts.gate.at(experts);
  };
  CHECK(total("mnist", 5) == 32973);
  CHECK(total("mnist-small", 5) == 35501);
  CHECK(total("fashion-mnist-and-mnist-small", 6) == 33544);
  CHECK(total("cifar100-classification", 20) == 11445348);
  CHECK(total("barber", 2) == 14);
}

TEST_CASE("every named network is counted, described and fits its samples") {
  std::set<std::string> names;
  for (const NetworkPair& pair : networks()) {
    INFO(pair.name);
    CHECK(names.insert(std::string(pair.name)).second);
    CHECK(expected_counts().count(std::string(pair.name)) == 1);
    CHECK(networks().at(pair.name).summary == pair.summary);
    const std::string features = fmt::format("{} feature", pair.sample[0]);
    CHECK(pair.summary.find(pair.sample.rank() == 1 ? features : pair.sample[0] == 1 ? "1x28x28" : "3x32x32") == 0);
    CHECK(feature_count(pair.expert, pair.sample) > 0);
    CHECK(feature_count(pair.gate, pair.sample) > 0);
  }
  CHECK(names.size() == expected_counts().size());
}

TEST_CASE("networks give one row of outputs for each sample") {
  for (const char* name :
       {"mnist", "conv-28x28", "cifar10", "cifar10-conv6", "cifar10-residual", "deep-2d", "barber"}) {
    INFO(name);
    Generator generator(5);
    const NetworkPair& pair = networks().at(name);
    const NoGrad no_grad;
    for (int64_t samples : {0, 1, 3}) {
      const Variable x(random_tensor(Shape{samples}.concat(pair.sample), 3, -1, 1, DType::f32));
      const Segments segments{Tensor::from<int64_t>({0, samples, samples}), {}};
      const auto expert = build_network(pair.expert, {.sample = pair.sample, .outputs = 4, .experts = 2}, generator);
      CHECK((*expert)({x, segments}).values().shape() == Shape{samples, 4});
      const auto gate = build_network(pair.gate, {.sample = pair.sample, .outputs = 3}, generator);
      CHECK((*gate)(x).shape() == Shape{samples, 3});
    }
  }
}

TEST_CASE("stacked experts have E times the parameters of one") {
  for (const char* name : {"mnist", "cifar10", "cifar10-conv6", "cifar10-residual", "barber"}) {
    Generator generator;
    const NetworkPair& pair = networks().at(name);
    const auto& [classes, count, gates] = expected_counts().at(name);
    const auto stack = build_network(pair.expert, {.sample = pair.sample, .outputs = classes, .experts = 7}, generator);
    CHECK(stack->parameter_count() == 7 * count);
  }
}

TEST_CASE("a network without outputs ends with its last hidden layer, without ReLU") {
  Generator with(3), without(3);
  const NetworkPair& pair = networks().at("deep-2d");
  const auto whole = build_network(pair.expert, {.sample = {2}, .outputs = 5, .dtype = DType::f64}, with);
  const auto body = build_network(pair.expert, {.sample = {2}, .outputs = 0, .dtype = DType::f64}, without);
  CHECK(hidden_size(pair.expert) == 4);
  CHECK(hidden_size(networks().at("linear-2d").expert) == 0);
  REQUIRE(body->size() == whole->size() - 2);
  for (const auto& [name, value] : body->state_dict()) CHECK(same_bits(value, whole->state_dict().at(name)));
  const Variable hidden = (*body)(Variable(random_tensor({20, 2}, 1)));
  CHECK(hidden.shape() == Shape{20, 4});
  const auto values = hidden.value().to_doubles();
  CHECK(std::any_of(values.begin(), values.end(), [](double v) { return v < 0; }));

  CHECK(refusal<ValueError>([&] { build_network({}, {.sample = {2}, .outputs = 0}, with); }) ==
        "a network without an output layer ends with its last hidden layer; this one has none");
  CHECK(refusal<ValueError>([&] { build_network(pair.gate, {.sample = {2}, .outputs = 0, .softmax = true}, with); }) ==
        "a network without an output layer cannot end with a softmax");
  CHECK_THROWS_AS(build_network(pair.gate, {.sample = {2}, .outputs = -1}, with), ValueError);
}

TEST_CASE("layers are drawn from input to output and numbered") {
  Generator one(6), two(6);
  const NetworkPair& pair = networks().at("fashion-mnist");
  const auto gate = build_network(pair.gate, {.sample = pair.sample, .outputs = 5}, one);
  nn::Sequential by_hand;
  by_hand.add<nn::Conv2d>(nn::Conv2dOptions{.in = 1, .out = 8, .kernel = 3}, two);
  by_hand.add<nn::BatchNorm2d>(nn::BatchNorm2dOptions{.channels = 8});
  by_hand.add<nn::ReLU>();
  by_hand.add<nn::MaxPool2d>(2);
  by_hand.add<nn::Flatten>();
  by_hand.add<nn::Linear>(nn::LinearOptions{.in = 1352, .out = 512}, two);
  by_hand.add<nn::ReLU>();
  by_hand.add<nn::Linear>(nn::LinearOptions{.in = 512, .out = 32}, two);
  by_hand.add<nn::ReLU>();
  by_hand.add<nn::Linear>(nn::LinearOptions{.in = 32, .out = 5}, two);
  CHECK(gate->summary() == by_hand.summary());
  const auto expected = by_hand.state_dict();
  for (const auto& [name, value] : gate->state_dict()) CHECK(same_bits(value, expected.at(name)));
}

TEST_CASE("features and classifier are the two parts of a network") {
  for (const char* name : {"mnist", "cifar10", "cifar10-conv6", "cifar10-residual", "deep-2d"}) {
    INFO(name);
    const NetworkPair& pair = networks().at(name);
    const NetworkOptions options{.sample = pair.sample, .outputs = 3, .experts = 2, .softmax = true};
    Generator one(8), two(8);
    const auto network = build_network(pair.expert, options, one);
    const auto features = build_features(pair.expert, options, two);
    const int64_t count = feature_count(pair.expert, pair.sample);
    const auto classifier = build_classifier(pair.expert, count, options, two);
    REQUIRE(features->size() + classifier->size() == network->size());
    CHECK(one.offset() == two.offset());
    for (auto* part : {network.get(), features.get(), classifier.get()}) part->eval();

    const Variable x(random_tensor(Shape{4}.concat(pair.sample), 3, -1, 1, DType::f32));
    const Segments segments{Tensor::from<int64_t>({0, 2, 5}), Tensor::from<int64_t>({3, 0, 1, 3, 2})};
    const nn::Rows rows = (*features)({x, segments});
    CHECK(rows.values().shape() == Shape{5, count});
    const Variable y = (*classifier)(rows).values();
    CHECK(same_bits(y.value(), (*network)({x, segments}).values().value()));
  }
}

TEST_CASE("a classifier takes more features than the samples give") {
  Generator generator;
  const NetworkPair& pair = networks().at("mnist");
  const int64_t features = feature_count(pair.gate, pair.sample) + 50;
  CHECK(features == 219);
  const auto classifier = build_classifier(pair.gate, features, {.outputs = 5}, generator);
  CHECK(classifier->parameter_count() == 26063 - 10 + 50 * 128);
  CHECK((*classifier)(Variable(Tensor::zeros({2, 219}))).shape() == Shape{2, 5});
  CHECK_THROWS_AS(build_classifier(pair.gate, 0, {.outputs = 5}, generator), ValueError);
}

TEST_CASE("every named model can be built, named and refused") {
  const auto check = [](const ModelKind& kind, const NetworkPair& pair) {
    INFO(kind.name << " of " << pair.name);
    Generator generator(3);
    const bool single = kind.name == "single";
    const auto model = build_model({.model = std::string(kind.name),
                                    .network = std::string(pair.name),
                                    .experts = 3,
                                    .classes = 4,
                                    .class_lists = {{0}, {1, 2}, {3}}},
                                   generator);
    CHECK(model->experts() == (single ? 1 : 3));
    for (const auto& [name, parameter] : model->named_parameters()) {
      CHECK((name.starts_with("gate.") || name.starts_with("experts.")));
      CHECK(parameter.parts() == (!single && name.starts_with("experts.") ? 3 : 0));
    }
  };
  for (const ModelKind& kind : models()) check(kind, networks().at("mnist"));
  for (const NetworkPair& pair : networks()) check(models().at(pair.gated ? "mixture" : "single"), pair);
  Generator generator;
  CHECK_THROWS_WITH(build_model({.model = "mixtur"}, generator),
                    Catch::Contains("unknown model 'mixtur', did you mean 'mixture'?; known are single"));
  CHECK_THROWS_WITH(build_model({.network = "mnsit"}, generator), Catch::Contains("unknown network 'mnsit'"));
  CHECK_THROWS_WITH(build_model({.experts = 0}, generator), Catch::Contains("one expert or more, got 0"));
  CHECK_THROWS_WITH(build_model({.model = "top-k", .experts = 3, .k = 4}, generator),
                    Catch::Contains("top-4 of 3 experts"));
}

TEST_CASE("a network without a gate is refused to a gated model, and one that has a gate is named") {
  Generator generator;
  for (const NetworkPair& pair : networks()) {
    if (pair.gated) CHECK_NOTHROW(require_gate(pair));
  }
  CHECK(refusal<ValueError>([&] { build_model({.model = "mixture", .network = "wideresnet-40-4"}, generator); }) ==
        "network 'wideresnet-40-4' has no gate, which this model needs; 'resnet-18' has one");
  const NetworkPair lonely{"lonely", "", {7}, {}, {}, false};
  CHECK(refusal<ValueError>([&] { require_gate(lonely); }) == "network 'lonely' has no gate, which this model needs");
}

TEST_CASE("a network that does not fit its samples is refused") {
  Generator generator;
  const NetworkPlan plan{{{.kernel = 5}}, {}};
  CHECK_THROWS_AS(build_network(plan, {.sample = {1, 4, 4}, .outputs = 2}, generator), ShapeError);
  CHECK_THROWS_AS(build_network(plan, {.sample = {1, 5, 5}, .outputs = 2}, generator),
                  ShapeError);  // nothing left to pool
  CHECK_THROWS_AS(build_network(plan, {.sample = {9}, .outputs = 2}, generator), ShapeError);
  CHECK_THROWS_AS(build_features(plan, {.sample = {9}}, generator), ShapeError);
  CHECK_THROWS_AS(feature_count(plan, {1, 4, 4}), ShapeError);
}

}  // namespace divvy::test
