#include "moe/model/gate.h"

#include <cmath>

#include "autograd/gradcheck.h"
#include "kernels/precision.h"
#include "nn/activation.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

std::shared_ptr<nn::Sequential> layer(int64_t in, int64_t out, uint64_t seed) {
  Generator generator(seed);
  auto result = std::make_shared<nn::Sequential>();
  result->add<nn::Linear>(nn::LinearOptions{.in = in, .out = out, .dtype = DType::f64}, generator);
  return result;
}

AttentiveGate attentive(int64_t hidden) {
  Generator generator(5);
  return {layer(4, hidden, 1), hidden, DType::f64, generator};
}

}  // namespace

TEST_CASE("attentive scores are the scaled products of the gate's query with the experts' keys") {
  for (const auto& [experts, samples, width] : {std::array<int64_t, 3>{3, 5, 2}, {1, 1, 1}, {4, 1, 3}, {1, 4, 2}}) {
    AttentiveGate gate = attentive(width);
    const Variable x(random_tensor({samples, 4}, 2)), hidden(random_tensor({experts, samples, width}, 3));
    const Variable scores = gate.scores(x, {.hidden = hidden, .output = {}});
    REQUIRE(scores.shape() == Shape{samples, experts});
    // By the definition: Q = W_q g, K = W_k h, s = Q . K / sqrt(H).
    const auto own = (*std::dynamic_pointer_cast<nn::Sequential>(layer(4, width, 1)))(x).value().to_doubles();
    const auto h = hidden.value().to_doubles();
    const auto wq = gate.parameter("query.weight").value().to_doubles();
    const auto wk = gate.parameter("key.weight").value().to_doubles();
    const auto n = static_cast<size_t>(width);
    for (size_t b = 0; b < static_cast<size_t>(samples); ++b) {
      for (size_t e = 0; e < static_cast<size_t>(experts); ++e) {
        double score = 0;
        for (size_t i = 0; i < n; ++i) {
          double query = 0, key = 0;
          for (size_t j = 0; j < n; ++j) {
            query += wq[i * n + j] * own[b * n + j];
            key += wk[i * n + j] * h[(e * static_cast<size_t>(samples) + b) * n + j];
          }
          score += query * key / std::sqrt(static_cast<double>(width));
        }
        CHECK(scores.value().to_doubles()[b * static_cast<size_t>(experts) + e] == Approx(score).margin(1e-12));
      }
    }
  }
}

TEST_CASE("gates that read the experts pass gradient checks in all that they read") {
  for (const int64_t samples : {0, 1, 3}) {
    AttentiveGate gate = attentive(3);
    Variable x(random_tensor({samples, 4}, 2), true), hidden(random_tensor({2, samples, 3}, 3), true);
    std::vector<Variable> leaves = gate.parameters();
    leaves.push_back(x), leaves.push_back(hidden);
    const auto report = gradcheck([&] { return gate.scores(x, {.hidden = hidden, .output = {}}); }, leaves);
    INFO(report.text);
    CHECK(report.ok);

    AugmentedGate augmented(layer(4, 5, 1), layer(5 + 2 * 3, 2, 2));
    Variable output(random_tensor({2, samples, 3}, 4), true);
    std::vector<Variable> others = augmented.parameters();
    others.push_back(x), others.push_back(output);
    const auto second = gradcheck([&] { return augmented.scores(x, {.hidden = {}, .output = output}); }, others);
    INFO(second.text);
    CHECK(second.ok);
  }
}

TEST_CASE("an augmented gate sees the outputs of a sample's experts side by side") {
  // Features are the sample itself; the classifier picks out the outputs: score e is the first output of expert e.
  AugmentedGate gate(std::make_shared<nn::Sequential>(), layer(1 + 2 * 2, 2, 1));
  Variable weight = gate.parameter("classifier.0.weight"), bias = gate.parameter("classifier.0.bias");
  weight.set_value(Tensor::from({0., 1., 0., 0., 0., 0., 0., 0., 1., 0.}, {2, 5}));
  bias.set_value(Tensor::zeros({2}, DType::f64));
  const Variable output(Tensor::from({.1, .9, .2, .8, .3, .7, .4, .6}, {2, 2, 2}));  // [expert, sample, class]
  const Variable scores = gate.scores(Variable(Tensor::from({5., 6.}, {2, 1})), {.hidden = {}, .output = output});
  CHECK(difference(scores.value(), Tensor::from({.1, .3, .2, .4}, {2, 2}), 1e-12, 0) == "");
}

TEST_CASE("an attentive gate multiplies in its precision throughout") {
  Generator random(6);
  auto body = std::make_shared<nn::Sequential>();
  body->add<nn::Linear>(nn::LinearOptions{.in = 4, .out = 32}, random);
  AttentiveGate gate(body, 32, DType::f32, random);
  const auto single = [](const Shape& shape, uint64_t seed) { return random_tensor(shape, seed, -1, 1, DType::f32); };
  const Variable x(single({5, 4}, 1)), hidden(single({3, 5, 32}, 2));
  const auto scores = [&] { return gate.scores(x, {.hidden = hidden, .output = {}}).value(); };
  const Tensor exact = scores();
  gate.set_precision(Precision::bf16);
  const Tensor all = scores();
  // The query and the body alone: what is left is the product with the keys.
  for (const auto& [name, module] : gate.named_modules()) {
    if (!name.empty()) module->set_precision(Precision::f32);
  }
  const bool rounds = kernels::has_precision(Device::cpu(), Precision::bf16);
  CHECK(same_bits(scores(), exact) != rounds);
  CHECK(same_bits(all, exact) != rounds);
  CHECK(difference(all, exact, 0.02, 0.02) == "");
}

TEST_CASE("a distilled gate keeps the attentive gate's layers and has a fresh output") {
  AttentiveGate gate = attentive(3);
  Generator random(9);
  const auto ordinary = gate.distilled(6, random);
  const Variable x(random_tensor({2, 4}, 2));
  CHECK((*ordinary)(x).shape() == Shape{2, 6});
  CHECK(same_bits(ordinary->parameter("0.weight").value(), gate.parameter("body.0.weight").value()));
  CHECK(ordinary->size() == 3);  // the layer, a ReLU, the output
  CHECK(ordinary->parameter("2.weight").shape() == Shape{6, 3});
}

TEST_CASE("gates refuse what does not fit") {
  AttentiveGate gate = attentive(3);
  const Variable x(random_tensor({2, 4}, 2));
  CHECK_THROWS_AS(gate(x), GraphError);
  CHECK_THROWS_AS(gate.scores(x, {.hidden = Variable(Tensor::zeros({2, 2, 4}, DType::f64)), .output = {}}), ShapeError);
  CHECK_THROWS_AS(gate.scores(x, {.hidden = Variable(Tensor::zeros({2, 3, 3}, DType::f64)), .output = {}}), ShapeError);
  Generator generator;
  CHECK_THROWS_AS(AttentiveGate(nullptr, 3, DType::f64, generator), ValueError);
  CHECK_THROWS_AS(AttentiveGate(layer(4, 3, 1), 0, DType::f64, generator), ValueError);
  CHECK_THROWS_AS(AugmentedGate(nullptr, layer(4, 3, 1)), ValueError);
  AugmentedGate augmented(layer(4, 5, 1), layer(9, 2, 2));
  CHECK_THROWS_AS(augmented.scores(x, {.hidden = {}, .output = Variable(Tensor::zeros({2, 3, 2}, DType::f64))}),
                  ShapeError);
}

}  // namespace divvy::test
