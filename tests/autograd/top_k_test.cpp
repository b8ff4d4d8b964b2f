#include "autograd/ops/top_k.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

/// k times: the largest entry that is left, searched from the front.
Tensor naive_top_k(const Tensor& x, int64_t k, Tensor* indices = nullptr) {
  const int64_t rows = x.shape().rows(), cols = x.shape().cols();
  std::vector<double> values;
  std::vector<int64_t> taken;
  for (int64_t r = 0; r < rows; ++r) {
    std::vector<bool> used(static_cast<size_t>(cols), false);
    for (int64_t j = 0; j < k; ++j) {
      int64_t best = -1;
      for (int64_t c = 0; c < cols; ++c) {
        if (used[static_cast<size_t>(c)]) continue;
        const double value = x.data<double>()[r * cols + c];
        const double most = best < 0 ? 0 : x.data<double>()[r * cols + best];
        if (best < 0 || (!std::isnan(most) && (std::isnan(value) || value > most))) best = c;
      }
      used[static_cast<size_t>(best)] = true;
      values.push_back(x.data<double>()[r * cols + best]);
      taken.push_back(best);
    }
  }
  if (indices) *indices = Tensor::from(taken, x.shape().with(-1, k));
  return Tensor::from(values, x.shape().with(-1, k));
}

OpCase top_k_case() {
  struct Problem {
    Shape shape;
    int64_t k;
  };
  const Problem problems[] = {{{1}, 1},      {{5}, 1},        {{5}, 2},       {{5}, 5},       {{0, 3}, 2},
                              {{1, 1}, 1},   {{4, 1}, 1},     {{3, 8}, 2},    {{3, 8}, 8},    {{3, 40}, 16},
                              {{3, 40}, 17}, {{2, 40}, 40},   {{2, 3, 4}, 3}, {{2, 0, 4}, 4}, {{2, 2, 2, 3}, 1},
                              {{30, 64}, 2}, {{20, 100}, 30}, {{700, 64}, 2}};
  OpCase result;
  uint64_t seed = 1;
  for (const auto& [shape, k] : problems) {
    result.samples.push_back({fmt::format("{} of {}", k, shape),
                              {distinct_tensor(shape, seed++)},
                              [k = k](const auto& in) { return top_k(in[0], k).values; },
                              [k = k](const auto& in) { return naive_top_k(in[0], k); }});
  }
  const Variable x(Tensor::zeros({2, 3}));
  result.errors = {
      refuses<ValueError>(
          "k = 0", [=] { top_k(x, 0); }, "top_k: k must be in [1, 3], got 0"),
      refuses<ValueError>(
          "a negative k", [=] { top_k(x, -1); }, "got -1"),
      refuses<ValueError>(
          "k > C", [=] { top_k(x, 4); }, "k must be in [1, 3], got 4"),
      refuses<ShapeError>(
          "a scalar", [] { top_k(Variable(Tensor::scalar(1)), 1); }, "rank 1 or more"),
      refuses<DTypeError>(
          "integers", [] { top_k(Variable(Tensor::zeros({2}, DType::i64)), 1); }, "f32 or f64, got i64"),
      refuses<ValueError>(
          "no variable", [] { top_k(Variable(), 1); }, "undefined"),
  };
  return result;
}

}  // namespace

TEST_CASE("top_k", "[op]") { check(top_k_case()); }

TEST_CASE("top_k agrees with a naive search in 1,000 random cases with ties, NaN and infinities") {
  std::mt19937_64 random(1);
  const double special[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity(), 0.0, -0.0};
  for (int i = 0; i < 1000; ++i) {
    const auto cols = static_cast<int64_t>(random() % 40 + 1), rows = static_cast<int64_t>(random() % 6);
    const int64_t k = i % 5 == 0 ? cols : static_cast<int64_t>(random() % static_cast<uint64_t>(cols)) + 1;
    Tensor x = Tensor::empty({rows, cols}, DType::f64), indices;
    for (double& value : x.mutable_values<double>()) {
      value = random() % 6 == 0 ? special[random() % 5] : static_cast<double>(random() % 7);
    }
    const Tensor expected = naive_top_k(x, k, &indices);
    const TopK got = top_k(Variable(x), k);
    INFO("case " << i << ": " << k << " of " << x.shape().to_string());
    REQUIRE(difference(got.values.value(), expected, 0, 0) == "");
    REQUIRE(same_bits(got.indices, indices));
  }
}

TEST_CASE("top_k of equal entries takes the first ones") {
  for (const int64_t k : {2, 20}) {
    const TopK top = top_k(Variable(Tensor::full({1, 50}, 3)), k);
    for (int64_t j = 0; j < k; ++j) CHECK(top.indices.data<int64_t>()[j] == j);
  }
}

}  // namespace divvy::test
