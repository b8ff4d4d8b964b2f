#include "autograd/ops/index_select.h"

#include "kernels/index_select.h"
#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

Tensor naive_select(const Tensor& x, int axis, const Tensor& index) {
  const int at = x.shape().normalize_axis(axis);
  const int64_t outer = x.shape().range(0, at).numel(), size = x.size(at), inner = x.shape().range(at + 1).numel();
  std::vector<double> values;
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t from : index.values<int64_t>()) {
      for (int64_t i = 0; i < inner; ++i) values.push_back(x.data<double>()[(o * size + from) * inner + i]);
    }
  }
  return Tensor::from(values, x.shape().with(axis, index.numel()));
}

OpCase index_select_case() {
  struct Problem {
    Shape shape;
    int axis;
    int64_t count;
  };
  const Problem problems[] = {{{1}, 0, 1},       {{5}, 0, 7},         {{5}, 0, 0},           {{0}, 0, 0},
                              {{0, 3}, 1, 4},    {{3, 0}, 0, 2},      {{3, 0}, 1, 0},        {{3, 4}, 0, 5},
                              {{3, 4}, 1, 5},    {{3, 4}, -1, 1},     {{3, 4}, -2, 2},       {{2, 3, 4}, 1, 6},
                              {{2, 3, 4}, 2, 3}, {{2, 3, 4}, 0, 3},   {{2, 1, 5}, 1, 4},     {{2, 2, 3, 2}, 2, 2},
                              {{1, 1, 1}, 1, 3}, {{4, 33, 17}, 1, 9}, {{40, 60, 10}, 1, 50}, {{90, 300}, 1, 200},
                              {{1, 5, 3}, 1, 4}, {{1, 5, 4000}, 1, 6}};
  OpCase result;
  uint64_t seed = 1;
  for (const auto& [shape, axis, count] : problems) {
    const Tensor index = random_indices({count}, shape[axis], seed);
    result.samples.push_back(
        {fmt::format("{} of axis {} of {}", count, axis, shape),
         {random_tensor(shape, seed++)},
         [=, axis = axis](const auto& in) { return index_select(in[0], axis, index.to(in[0].device())); },
         [=, axis = axis](const auto& in) { return naive_select(in[0], axis, index); }});
  }
  const Variable x(Tensor::zeros({2, 3}));
  const Tensor index = Tensor::from<int64_t>({0, 2});
  result.errors = {
      refuses<ValueError>(
          "an index too far", [=] { index_select(x, 0, index); }, "index_select: index[1] = 2 is outside [0, 2)"),
      refuses<ValueError>(
          "a negative index", [=] { index_select(x, 1, Tensor::from<int64_t>({-1})); }, "outside [0, 3)"),
      refuses<ShapeError>(
          "an axis too far", [=] { index_select(x, 2, index); },
          "index_select: axis 2 is out of range for shape [2, 3]"),
      refuses<ShapeError>(
          "a scalar", [=] { index_select(Variable(Tensor::scalar(1)), 0, index); }, "out of range"),
      refuses<ShapeError>(
          "an index of rank 2",
          [=] {
            index_select(x, 1, index.reshape({1, 2}));
          },
          "rank 1, got [1, 2]"),
      refuses<DTypeError>(
          "an index of i32", [=] { index_select(x, 1, Tensor::from<int32_t>({0})); }, "i64, got i32"),
      refuses<ValueError>(
          "no index", [=] { index_select(x, 1, Tensor()); }, "index is undefined"),
  };
  return result;
}

}  // namespace

TEST_CASE("index_select", "[op]") { check(index_select_case()); }

TEST_CASE("index_select takes any type") {
  const Variable x(Tensor::from<uint8_t>({1, 2, 3, 4, 5, 6}, {2, 3}));
  const Variable y = index_select(x, 1, Tensor::from<int64_t>({2, 2, 0, 1}));
  CHECK(same_bits(y.value(), Tensor::from<uint8_t>({3, 3, 1, 2, 6, 6, 4, 5}, {2, 4})));
}

}  // namespace divvy::test
