#include "autograd/ops/route.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/ops/binary.h"
#include "autograd/ops/gather_last.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/top_k.h"
#include "kernels/route.h"
#include "tensor/error.h"
#include "tests/support/devices.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

/// The k best experts of each sample, by sorting all of them.
std::vector<int64_t> naive_choice(const Tensor& scores, int64_t k) {
  const int64_t samples = scores.size(0), count = scores.size(1);
  std::vector<int64_t> chosen;
  for (int64_t b = 0; b < samples; ++b) {
    const double* row = scores.data<double>() + b * count;
    std::vector<int64_t> order(static_cast<size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [row](int64_t i, int64_t j) { return row[i] > row[j]; });
    chosen.insert(chosen.end(), order.begin(), order.begin() + k);
  }
  return chosen;
}

Tensor naive_probabilities(const Tensor& scores, int64_t k, double temperature, bool among_chosen) {
  const int64_t samples = scores.size(0), count = scores.size(1);
  const auto chosen = naive_choice(scores, k);
  Tensor result = Tensor::zeros(scores.shape(), DType::f64);
  for (int64_t b = 0; b < samples; ++b) {
    double sum = 0;
    for (int64_t e = 0; e < count; ++e) {
      const auto first = chosen.begin() + b * k;
      if (among_chosen && std::find(first, first + k, e) == first + k) continue;
      double& p = result.mutable_data<double>()[b * count + e];
      p = std::exp(scores.data<double>()[b * count + e] / temperature);
      sum += p;
    }
    for (int64_t e = 0; e < count; ++e) result.mutable_data<double>()[b * count + e] /= sum;
  }
  return result;
}

Tensor naive_weights(const Tensor& scores, int64_t k, double temperature, bool among_chosen) {
  const Tensor p = naive_probabilities(scores, k, temperature, among_chosen);
  const auto chosen = naive_choice(scores, k);
  std::vector<double> weights;
  for (size_t i = 0; i < chosen.size(); ++i) {
    weights.push_back(p.data<double>()[static_cast<int64_t>(i) / k * scores.size(1) + chosen[i]]);
  }
  return Tensor::from(weights, {scores.size(0), k});
}

OpCase route_case() {
  struct Problem {
    Shape shape;
    int64_t k;
    double temperature = 1;
  };
  const Problem problems[] = {{{1, 1}, 1}, {{0, 3}, 2},       {{4, 1}, 1},      {{5, 3}, 1},  {{5, 3}, 3, 2.0},
                              {{3, 8}, 2}, {{3, 33}, 4, 0.5}, {{7, 40}, 40, 3}, {{2, 70}, 35}};
  OpCase result;
  uint64_t seed = 1;
  for (const Problem& p : problems) {
    for (const bool among_chosen : {false, true}) {
      const std::string label = fmt::format("{} of {} at {}{}", p.k, p.shape, p.temperature, among_chosen);
      const Tensor scores = distinct_tensor(p.shape, seed++);
      result.samples.push_back(
          {"weights, " + label,
           {scores},
           [=](const auto& in) { return route_top_k(in[0], p.k, p.temperature, among_chosen).weights; },
           [=](const auto& in) { return naive_weights(in[0], p.k, p.temperature, among_chosen); }});
      result.samples.push_back(
          {"probabilities, " + label,
           {scores},
           [=](const auto& in) { return route_top_k(in[0], p.k, p.temperature, among_chosen).probabilities; },
           [=](const auto& in) { return naive_probabilities(in[0], p.k, p.temperature, among_chosen); }});
    }
  }
  const Variable x(Tensor::zeros({2, 3}));
  result.errors = {
      refuses<ValueError>(
          "k = 0", [=] { route_top_k(x, 0, 1, true); }, "route_top_k: k must be in [1, 3], got 0"),
      refuses<ValueError>(
          "k > E", [=] { route_top_k(x, 4, 1, true); }, "got 4"),
      refuses<ValueError>(
          "no temperature", [=] { route_top_k(x, 2, 0, true); }, "temperature must lie in [1e-30, 1e30], got 0"),
      refuses<ShapeError>(
          "a vector", [] { route_top_k(Variable(Tensor::zeros({3})), 1, 1, true); }, "rank 2"),
      refuses<DTypeError>(
          "integers",
          [] {
            route_top_k(Variable(Tensor::zeros({2, 3}, DType::i64)), 1, 1, true);
          },
          "f32 or f64"),
  };
  return result;
}

}  // namespace

TEST_CASE("route_top_k", "[op]") { check(route_case()); }

TEST_CASE("route_top_k is top_k, softmax and gather_last, in value and gradient", "[device]") {
  for (const Device device : available_devices()) {
    for (const int64_t k : {1, 2, 5, 60}) {
      INFO("k = " << k << " on " << device.to_string());
      const Tensor scores = random_tensor({37, 60}, static_cast<uint64_t>(k), -3, 3).to(device);
      const Tensor weights_cotangent = random_tensor({37, k}, 3).to(device),
                   cotangent = random_tensor({37, 60}, 4).to(device);
      const auto gradient = [&](const Variable& x, const Variable& p, const Variable& weights) {
        backward(add(sum(mul(weights, Variable(weights_cotangent))), sum(mul(p, Variable(cotangent)))));
        return x.grad().to(Device::cpu());
      };
      const Variable x(scores, true), same(scores, true);
      const RoutedTopK routed = route_top_k(x, k, 1.5, false);
      const Variable p = softmax(same, 1.5);
      const Tensor experts = top_k(same, k).indices;
      const Variable weights = gather_last(p, experts);
      CHECK(same_bits(routed.experts.to(Device::cpu()), experts.to(Device::cpu())));
      CHECK(difference(routed.probabilities.value().to(Device::cpu()), p.value().to(Device::cpu()), 1e-14, 0) == "");
      CHECK(difference(routed.weights.value().to(Device::cpu()), weights.value().to(Device::cpu()), 1e-14, 0) == "");
      const Tensor got = gradient(x, routed.probabilities, routed.weights), expected = gradient(same, p, weights);
      CHECK(difference(got, expected, 1e-12, 1e-14) == "");
    }
  }
}

TEST_CASE("the kernel of route_top_k refuses what does not fit") {
  const Tensor scores = Tensor::zeros({2, 3});
  Tensor p = Tensor::zeros({2, 3}), weights = Tensor::zeros({2, 2}), experts = Tensor::zeros({2, 2}, DType::i64);
  CHECK_NOTHROW(kernels::route_top_k(scores, 1, false, p, experts, weights));
  CHECK_THROWS_AS(kernels::route_top_k(scores, 1, false, weights, experts, weights), ShapeError);
  CHECK_THROWS_AS(kernels::route_top_k(scores, 1, false, p, experts, p), ShapeError);
  CHECK_THROWS_AS(kernels::route_top_k(scores, 1, false, p, weights, weights), DTypeError);
}

}  // namespace divvy::test
