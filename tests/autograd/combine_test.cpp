#include "autograd/ops/combine.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

Tensor naive_combine(const Tensor& rows, const Tensor& weights, const Tensor& position) {
  const int64_t samples = weights.size(0), k = weights.size(1), cols = rows.size(1);
  Tensor y = Tensor::zeros({samples, cols}, DType::f64);
  double* out = y.mutable_data<double>();
  for (int64_t b = 0; b < samples; ++b) {
    for (int64_t j = 0; j < k; ++j) {
      const int64_t row = position.data<int64_t>()[b * k + j];
      for (int64_t c = 0; c < cols && row >= 0; ++c) {
        out[b * cols + c] += weights.data<double>()[b * k + j] * rows.data<double>()[row * cols + c];
      }
    }
  }
  return y;
}

/// Some of the rows [0, rows) in random order, each at most once, and -1 for the rest.
Tensor random_positions(int64_t samples, int64_t k, int64_t rows, uint64_t seed) {
  std::vector<int64_t> order(static_cast<size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  order.resize(static_cast<size_t>(std::max(rows, samples * k)), -1);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(seed));
  order.resize(static_cast<size_t>(samples * k));
  return Tensor::from(order, {samples, k});
}

OpCase combine_case() {
  struct Size {
    int64_t samples, k, rows, cols;
  };
  const Size sizes[] = {{1, 1, 1, 1}, {1, 1, 0, 3}, {0, 2, 0, 3},   {0, 2, 4, 3}, {3, 0, 2, 4},  {3, 2, 6, 0},
                        {4, 1, 4, 5}, {4, 2, 8, 3}, {4, 2, 5, 3},   {4, 2, 9, 3}, {5, 3, 15, 1}, {2, 7, 14, 2},
                        {6, 2, 3, 4}, {1, 4, 4, 9}, {7, 2, 14, 17}, {3, 3, 1, 8}, {2, 2, 4, 33}};
  OpCase result;
  uint64_t seed = 1;
  for (const Size& size : sizes) {
    const Tensor position = random_positions(size.samples, size.k, size.rows, seed);
    result.samples.push_back(
        {fmt::format("{} samples, k = {}, {} rows of {}", size.samples, size.k, size.rows, size.cols),
         {random_tensor({size.rows, size.cols}, seed), random_tensor({size.samples, size.k}, seed + 1)},
         [=](const auto& in) { return combine(in[0], in[1], position.to(in[0].device())); },
         [=](const auto& in) { return naive_combine(in[0], in[1], position); }});
    seed += 2;
  }
  const Variable rows(Tensor::zeros({3, 2})), weights(Tensor::zeros({1, 2}));
  const auto at = [](int64_t a, int64_t b) { return Tensor::from<int64_t>({a, b}, {1, 2}); };
  result.errors = {
      refuses<ValueError>(
          "a row too far", [=] { combine(rows, weights, at(0, 3)); }, "position[1] = 3 is outside [-1, 3)"),
      refuses<ValueError>(
          "a position of -2", [=] { combine(rows, weights, at(-2, 0)); }, "outside [-1, 3)"),
      refuses<ValueError>(
          "a row twice", [=] { combine(rows, weights, at(1, 1)); }, "position[1] = 1 uses a row a second"),
      refuses<ShapeError>(
          "positions of another shape",
          [=] {
            combine(rows, weights, Tensor::zeros({2, 1}, DType::i64));
          },
          "position must be [1, 2], got [2, 1]"),
      refuses<ShapeError>(
          "rows of rank 1", [=] { combine(Variable(Tensor::zeros({3})), weights, at(0, 1)); }, "rank 2"),
      refuses<ShapeError>(
          "weights of rank 1", [=] { combine(rows, Variable(Tensor::zeros({3})), at(0, 1)); }, "rank 2"),
      refuses<DTypeError>(
          "weights of another type",
          [=] {
            combine(rows, Variable(Tensor::zeros({1, 2}, DType::f64)), at(0, 1));
          },
          "weights must be f32"),
      refuses<DTypeError>(
          "positions of i32",
          [=] {
            combine(rows, weights, Tensor::zeros({1, 2}, DType::i32));
          },
          "i64"),
      refuses<DTypeError>(
          "integer rows",
          [=] {
            combine(Variable(Tensor::zeros({3, 2}, DType::i64)), weights, at(0, 1));
          },
          "f32 or f64"),
      refuses<ValueError>(
          "no positions", [=] { combine(rows, weights, Tensor()); }, "position is undefined"),
      refuses<ValueError>(
          "no weights", [=] { combine(rows, Variable(), at(0, 1)); }, "undefined"),
  };
  return result;
}

}  // namespace

TEST_CASE("combine", "[op]") { check(combine_case()); }

TEST_CASE("combine saves nothing for a gradient that nobody wants", "[op]") {
  Tensor rows = Tensor::full({2, 2}, 3), weights = Tensor::full({2, 1}, 2);
  const Variable x(rows, true), w(weights);
  const Variable y = combine(x, w, Tensor::from<int64_t>({1, -1}, {2, 1}));
  rows.mutable_values<float>()[0] = 5;  // only the gradient of the weights would need the rows
  backward(y, Tensor::full({2, 2}, 1));
  CHECK(same_bits(x.grad(), Tensor::from<float>({0, 0, 2, 2}, {2, 2})));
  CHECK(!w.grad().defined());
}

}  // namespace divvy::test
