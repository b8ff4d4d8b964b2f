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

TEST_CASE("top_k agrees with a naive search in 2,000 random cases with ties, NaN and infinities") {
  std::mt19937_64 random(1);
  const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
  const double special[] = {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 0.0,
                            -0.0, std::numeric_limits<double>::quiet_NaN()};
  for (int i = 0; i < 2000; ++i) {
    const int64_t cols = below(100) + 1, rows = below(6);
    const int64_t k = i % 5 == 0 ? cols : i % 5 == 1 ? below(cols) + 1 : below(std::min<int64_t>(cols, 9)) + 1;
    Tensor x = Tensor::empty({rows, cols}, DType::f64), indices;
    for (double& value : x.mutable_values<double>()) {
      value = below(6) == 0 ? special[below(i % 2 == 0 ? 4 : 5)] : static_cast<double>(below(i % 3 == 0 ? 7 : 1000));
    }
    const Tensor expected = naive_top_k(x, k, &indices);
    for (const DType dtype : {DType::f32, DType::f64}) {
      const TopK got = top_k(Variable(converted(x, dtype)), k);
      INFO("case " << i << ": " << k << " of " << x.shape().to_string());
      REQUIRE(difference(converted(got.values.value(), DType::f64), expected, 0, 0) == "");
      REQUIRE(same_bits(got.indices, indices));
    }
  }
}

TEST_CASE("top_k of equal entries takes the first ones") {
  for (const int64_t k : {2, 20}) {
    const TopK top = top_k(Variable(Tensor::full({1, 50}, 3)), k);
    for (int64_t j = 0; j < k; ++j) CHECK(top.indices.data<int64_t>()[j] == j);
  }
}

}  // namespace divvy::test
