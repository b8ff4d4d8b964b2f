#include "moe/model/routing.h"

#include <cmath>
#include <limits>

#include "autograd/gradcheck.h"
#include "autograd/ops/top_k.h"
#include "moe/model/dispatch.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

Variable scores_of(int64_t samples, int64_t experts, uint64_t seed) {
  return Variable(distinct_tensor({samples, experts}, seed, 0.05), true);
}

std::vector<int64_t> integers(const Tensor& t) {
  const auto values = t.values<int64_t>();
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("routing to all experts weighs them by the softmax of the scores") {
  Generator random;
  const Variable scores(Tensor::from({0.0, std::log(3.0), 1.0, 1.0}, {2, 2}));
  const Routing routing = route(scores, {}, random);
  CHECK(difference(routing.weights.value(), Tensor::from({.25, .75, .5, .5}, {2, 2}), 1e-12, 0) == "");
  CHECK(integers(routing.experts) == std::vector<int64_t>{0, 1, 0, 1});
  const Routing warm = route(scores, {.temperature = 2}, random);
  CHECK(warm.weights.value().to_doubles()[1] == Approx(std::sqrt(3.0) / (1 + std::sqrt(3.0))));
}

TEST_CASE("top-k chooses the highest scores, best first, ties by the lower index") {
  Generator random;
  const Variable scores(Tensor::from({1.0, 3.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0}, {2, 4}));
  const Routing routing = route(scores, {.rule = Rule::top_k, .k = 2}, random);
  CHECK(integers(routing.experts) == std::vector<int64_t>{1, 3, 0, 1});
  CHECK(difference(routing.weights.value(), Tensor::full({2, 2}, .5, DType::f64), 1e-12, 0) == "");
  // The probabilities are those of the choice: zero for experts that were passed over.
  CHECK(difference(routing.probabilities.value(), Tensor::from({0., .5, 0., .5, .5, .5, 0., 0.}, {2, 4}), 1e-12, 0) ==
        "");
}

TEST_CASE("top-1 keeps the probability as its weight, so that the gate learns") {
  Generator random;
  Variable scores = scores_of(5, 4, 1);
  const Routing routing = route(scores, {.rule = Rule::top_k, .k = 1}, random);
  backward(routing.weights, random_tensor({5, 1}, 2));
  double size = 0;
  for (double g : scores.grad().to_doubles()) size += std::abs(g);
  CHECK(size > 0.01);
  const Routing renormalized =
      route(scores, {.rule = Rule::top_k, .k = 1, .weighting = Weighting::renormalized}, random);
  CHECK(difference(renormalized.weights.value(), Tensor::full({5, 1}, 1, DType::f64), 0, 1e-15) == "");
}

TEST_CASE("weights and probabilities of every rule pass a gradient check") {
  for (const int64_t experts : {1, 2, 5}) {
    for (const int64_t samples : {0, 1, 6}) {
      for (const Rule rule : {Rule::all, Rule::top_k, Rule::arg_max, Rule::sampled}) {
        for (const Weighting weighting : {Weighting::usual, Weighting::probability, Weighting::renormalized}) {
          const RoutingOptions options{
              .rule = rule, .k = (experts + 1) / 2, .temperature = 0.7, .weighting = weighting};
          Variable scores = scores_of(samples, experts, 11);
          INFO(options.to_string() << ", " << experts << " experts, " << samples << " samples");
          const auto weights = gradcheck(
              [&] {
                Generator random(5);
                return route(scores, options, random).weights;
              },
              {scores});
          INFO(weights.text);
          CHECK(weights.ok);
          const auto probabilities = gradcheck(
              [&] {
                Generator random(5);
                return route(scores, options, random).probabilities;
              },
              {scores});
          INFO(probabilities.text);
          CHECK(probabilities.ok);
        }
      }
    }
  }
}

TEST_CASE("k = E gives the weights of the soft mixture") {
  Generator random;
  const Variable scores = scores_of(9, 6, 3);
  const Routing all = route(scores, {}, random), top = route(scores, {.rule = Rule::top_k, .k = 6}, random);
  CHECK(difference(top.probabilities.value(), all.probabilities.value(), 1e-14, 0) == "");
}

TEST_CASE("sampled routing follows the gate's distribution and its generator") {
  const int64_t samples = 40000;
  Tensor tiled = Tensor::empty({samples, 3}, DType::f64);
  auto* values = tiled.mutable_data<double>();
  for (int64_t i = 0; i < samples * 3; ++i) values[i] = std::log(i % 3 == 0 ? 0.5 : i % 3 == 1 ? 0.3 : 0.2);
  Generator random(8), again(8);
  const Routing routing = route(Variable(tiled), {.rule = Rule::sampled}, random);
  std::vector<double> share(3, 0.0);
  for (int64_t e : integers(routing.experts)) share[static_cast<size_t>(e)] += 1.0 / samples;
  CHECK(share[0] == Approx(0.5).margin(0.015));
  CHECK(share[1] == Approx(0.3).margin(0.015));
  CHECK(share[2] == Approx(0.2).margin(0.015));
  CHECK(integers(route(Variable(tiled), {.rule = Rule::sampled}, again).experts) == integers(routing.experts));
  CHECK(routing.weights.value().to_doubles().front() == 1.0);
}

TEST_CASE("every rule gives valid experts for scores that are NaN, infinite or equal") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<double>> patterns{
      {kNan}, {kNan, 1}, {1, kNan, 2, 3, 4}, {kInfinity, kNan, 0}, {-kInfinity}, {kInfinity}, {0}, {-kInfinity, 1, 1}};
  for (const int64_t experts : {1, 2, 8, 31, 32, 33, 64, 100}) {
    std::vector<double> values;
    for (const auto& pattern : patterns) {
      for (int64_t e = 0; e < experts; ++e) values.push_back(pattern[static_cast<size_t>(e) % pattern.size()]);
    }
    const Tensor wide = Tensor::from(values, {static_cast<int64_t>(patterns.size()), experts});
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Variable scores(converted(wide, dtype));
      for (const Rule rule : {Rule::all, Rule::top_k, Rule::arg_max}) {
        for (const int64_t k : {int64_t{1}, int64_t{2}, int64_t{8}, int64_t{17}, experts}) {
          for (const Weighting weighting : {Weighting::usual, Weighting::probability, Weighting::one}) {
            if (k > experts) continue;
            INFO(fmt::format("{} of {}, {}", k, experts, rule->name));
            Generator random;
            const Routing routing = route(scores, {.rule = rule, .k = k, .weighting = weighting}, random);
            const Tensor best = top_k(scores, k).indices;
            if (rule == Rule::top_k) CHECK(same_bits(routing.experts, best));
            if (rule == Rule::arg_max) CHECK(same_bits(routing.experts, top_k(scores, 1).indices));
            CHECK_NOTHROW(Dispatch::of(routing.experts, experts));
          }
        }
      }
      Generator random;
      CHECK_THROWS_AS(route(scores, {.rule = Rule::sampled}, random), NonFiniteError);
    }
  }
}

TEST_CASE("impossible routings are refused") {
  Generator random;
  const Variable scores = scores_of(2, 3, 1);
  CHECK_THROWS_WITH(route(scores, {.rule = Rule::top_k, .k = 4}, random), Catch::Contains("top-4 of 3 experts"));
  CHECK_THROWS_AS(route(scores, {.rule = Rule::top_k, .k = 0}, random), ValueError);
  CHECK_THROWS_AS(route(scores, {.temperature = 0}, random), ValueError);
  CHECK_THROWS_AS(route(Variable(Tensor::zeros({3})), {}, random), ShapeError);
}

TEST_CASE("dense dispatch is the dispatch in which every expert has every sample") {
  for (const int64_t samples : {0, 1, 7}) {
    for (const int64_t experts : {1, 2, 5}) {
      Tensor every = Tensor::empty({samples, experts}, DType::i64);
      auto* expert = every.mutable_data<int64_t>();
      for (int64_t i = 0; i < every.numel(); ++i) expert[i] = i % experts;
      const Dispatch dense = Dispatch::dense(samples, experts), sorted = Dispatch::of(every, experts);
      CHECK(same_bits(dense.segments.offsets, sorted.segments.offsets));
      CHECK(same_bits(dense.segments.sample, sorted.segments.sample));
      CHECK(same_bits(dense.position, sorted.position));
      CHECK(dense.rows() == samples * experts);
    }
  }
  CHECK_THROWS_AS(Dispatch::dense(1, 0), ValueError);
  CHECK_THROWS_AS(Dispatch::of(Tensor::from<int64_t>({0, 3}, {2, 1}), 3), ValueError);
}

TEST_CASE("a given choice is taken as it is, with weights of one") {
  Generator random;
  const Variable scores = scores_of(3, 4, 1);
  const Tensor given = Tensor::from<int64_t>({2, -1, 0, 3, 1, -1}, {3, 2});
  const Routing routing = route(scores, {.rule = Rule::given}, random, given);
  CHECK(integers(routing.experts) == integers(given));
  CHECK(difference(routing.weights.value(), Tensor::full({3, 2}, 1, DType::f64), 0, 0) == "");
  CHECK_THROWS_AS(route(scores, {.rule = Rule::given}, random), ValueError);
  CHECK_THROWS_AS(route(scores, {.rule = Rule::given}, random, Tensor::zeros({2, 1}, DType::i64)), ShapeError);
  CHECK_THROWS_AS(route(scores, {.rule = Rule::given}, random, Tensor::zeros({3, 1}, DType::i32)), ShapeError);
}

TEST_CASE("a choice can be weighed again by other scores or at another temperature") {
  Generator random;
  const Variable scores = scores_of(5, 4, 1), others = scores_of(5, 4, 2);
  const RoutingOptions cold{.rule = Rule::top_k, .k = 2}, warm{.rule = Rule::top_k, .k = 2, .temperature = 3};
  const Routing first = route(scores, cold, random);
  const Routing same = reweigh(scores, first.experts, cold), elsewhere = reweigh(others, first.experts, warm);
  CHECK(same_bits(same.weights.value(), first.weights.value()));
  CHECK(same_bits(same.probabilities.value(), first.probabilities.value()));
  CHECK(integers(elsewhere.experts) == integers(first.experts));
  const auto z = others.value().to_doubles(), w = elsewhere.weights.value().to_doubles();
  for (size_t b = 0; b < 5; ++b) {
    const auto i = static_cast<size_t>(first.experts.values<int64_t>()[2 * b]);
    const auto j = static_cast<size_t>(first.experts.values<int64_t>()[2 * b + 1]);
    CHECK(w[2 * b] == Approx(1 / (1 + std::exp((z[4 * b + j] - z[4 * b + i]) / 3))));
  }
}

TEST_CASE("escort routing weighs by squares and takes no temperature") {
  Generator random;
  const Variable scores(Tensor::from({1., -2., 2., 0.}, {1, 4}));
  const RoutingOptions all{.normalizer = Normalizer::escort};
  CHECK(difference(route(scores, all, random).weights.value(), Tensor::from({1 / 9., 4 / 9., 4 / 9., 0.}, {1, 4}), 1e-9,
                   1e-9) == "");
  const Routing two = route(scores, {.rule = Rule::top_k, .k = 2, .normalizer = Normalizer::escort}, random);
  CHECK(difference(two.probabilities.value(), Tensor::from({.2, 0., .8, 0.}, {1, 4}), 1e-9, 0) == "");
  RoutingOptions warm = all;
  warm.temperature = 2;
  CHECK_THROWS_AS(route(scores, warm, random), ValueError);
  Variable leaf = scores_of(3, 4, 5);
  const auto report = gradcheck([&] { return route(leaf, all, random).weights; }, {leaf});
  INFO(report.text);
  CHECK(report.ok);
}

TEST_CASE("a dense dispatch with a choice has the chosen rows of every expert's") {
  const Dispatch some = Dispatch::dense_with_choice(Tensor::from<int64_t>({2, -1, 0, 1}, {2, 2}), 3);
  CHECK(some.is_dense());
  CHECK(some.rows() == 6);
  CHECK(integers(some.position) == std::vector<int64_t>{4, -1, 1, 3});
  CHECK(!Dispatch::of(Tensor::from<int64_t>({2, 1}, {2, 1}), 3).is_dense());
  CHECK_THROWS_AS(Dispatch::dense_with_choice(Tensor::from<int64_t>({3}, {1, 1}), 3), ValueError);
  CHECK_THROWS_AS(Dispatch::dense_with_choice(Tensor::from<int64_t>({0}), 3), ShapeError);
}

}  // namespace divvy::test
