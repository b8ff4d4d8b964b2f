#include "autograd/ops/slice.h"

#include "autograd/ops/binary.h"
#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

Tensor naive_slice(const Tensor& x, int64_t begin, int64_t end) {
  const Shape shape = x.shape().with(0, end - begin);
  std::vector<double> values;
  const auto all = x.to_doubles();
  for (int64_t r = begin; r < end; ++r) {
    for (int64_t c = 0; c < x.shape().range(1).numel(); ++c) {
      values.push_back(all[static_cast<size_t>(r * x.shape().range(1).numel() + c)]);
    }
  }
  return Tensor::from(values, shape);
}

/// Element by element: outer index, entry of the axis, inner index.
Tensor naive_slice_of(const Tensor& x, int64_t begin, int64_t end, int axis) {
  const int at = axis < 0 ? axis + x.rank() : axis;
  const int64_t size = x.size(at), inner = x.shape().range(at + 1).numel();
  std::vector<double> values;
  const auto all = x.to_doubles();
  for (int64_t outer = 0; outer < x.shape().range(0, at).numel(); ++outer) {
    for (int64_t entry = begin; entry < end; ++entry) {
      for (int64_t i = 0; i < inner; ++i)
        values.push_back(all[static_cast<size_t>((outer * size + entry) * inner + i)]);
    }
  }
  return Tensor::from(values, x.shape().with(at, end - begin));
}

}  // namespace

TEST_CASE("slice", "[op]") {
  OpCase result;
  const std::tuple<Shape, int64_t, int64_t> cases[] = {
      {{5}, 0, 5},    {{5}, 1, 4},       {{5}, 0, 0},       {{5}, 5, 5},       {{5}, 4, 5},          {{1}, 0, 1},
      {{0}, 0, 0},    {{0, 3}, 0, 0},    {{4, 3}, 0, 2},    {{4, 3}, 2, 4},    {{4, 3}, 1, 2},       {{4, 0}, 1, 3},
      {{4, 1}, 1, 3}, {{4, 3, 2}, 1, 3}, {{4, 3, 2}, 2, 2}, {{1, 3, 2}, 0, 1}, {{3000, 20}, 7, 2999}};
  uint64_t seed = 1;
  for (const auto& [shape, begin, end] : cases) {
    result.samples.push_back({fmt::format("[{}, {}) of {}", begin, end, shape),
                              {random_tensor(shape, seed++)},
                              [begin = begin, end = end](const auto& in) { return slice(in[0], begin, end); },
                              [begin = begin, end = end](const auto& in) { return naive_slice(in[0], begin, end); }});
  }
  const Variable x(Tensor::zeros({4, 3}));
  result.errors = {
      refuses<ShapeError>(
          "behind the end", [=] { slice(x, 2, 5); }, "no rows [2, 5) in shape [4, 3]"),
      refuses<ShapeError>(
          "before the start", [=] { slice(x, -1, 2); }, "no rows [-1, 2)"),
      refuses<ShapeError>(
          "crossed", [=] { slice(x, 3, 2); }, "no rows [3, 2)"),
      refuses<ShapeError>(
          "a scalar", [=] { slice(Variable(Tensor::scalar(1)), 0, 1); }, "no rows"),
      refuses<ValueError>(
          "no variable", [=] { slice(Variable(), 0, 1); }, "undefined"),
  };
  check(result);
}

TEST_CASE("slice along any axis", "[op]") {
  OpCase result;
  const std::tuple<Shape, int64_t, int64_t, int> cases[] = {
      {{5}, 0, 5, 0},          {{5}, 1, 4, 0},         {{5}, 2, 2, -1},       {{1}, 0, 1, 0},
      {{0}, 0, 0, 0},          {{4, 3}, 1, 3, 0},      {{4, 3}, 0, 2, 1},     {{4, 3}, 2, 3, -1},
      {{4, 3}, 0, 3, 1},       {{4, 3}, 3, 3, 1},      {{0, 3}, 1, 2, 1},     {{4, 0}, 0, 0, 1},
      {{4, 1}, 0, 1, 1},       {{2, 5, 3}, 1, 4, 1},   {{2, 5, 3}, 1, 4, -2}, {{2, 5, 3}, 0, 1, 2},
      {{2, 3, 4, 5}, 1, 3, 2}, {{300, 400}, 7, 399, 1}};
  uint64_t seed = 1;
  for (const auto& [shape, begin, end, axis] : cases) {
    result.samples.push_back(
        {fmt::format("[{}, {}) of axis {} of {}", begin, end, axis, shape),
         {random_tensor(shape, seed++)},
         [begin = begin, end = end, axis = axis](const auto& in) { return slice(in[0], begin, end, axis); },
         [begin = begin, end = end, axis = axis](const auto& in) { return naive_slice_of(in[0], begin, end, axis); }});
  }
  const Variable x(Tensor::zeros({4, 3}));
  result.errors = {
      refuses<ShapeError>(
          "behind the end", [=] { slice(x, 2, 4, 1); }, "no entries [2, 4) in axis 1 of shape [4, 3]"),
      refuses<ShapeError>(
          "before the start", [=] { slice(x, -1, 2, 0); }, "no entries [-1, 2)"),
      refuses<ShapeError>(
          "crossed", [=] { slice(x, 3, 2, 0); }, "no entries [3, 2)"),
      refuses<ShapeError>(
          "no such axis", [=] { slice(x, 0, 1, 2); }, "axis 2 is out of range"),
      refuses<ShapeError>(
          "a scalar", [=] { slice(Variable(Tensor::scalar(1)), 0, 1, 0); }, "rank 1 or more"),
      refuses<ValueError>(
          "no variable", [=] { slice(Variable(), 0, 1, 0); }, "undefined"),
  };
  check(result);
  CHECK(!slice(x, 0, 4, 0).value().shares_memory_with(x.value()));
}

TEST_CASE("slices that overlap add their gradients, and are views") {
  const Variable x(Tensor::from({1., 2., 3., 4.}), true);
  CHECK(slice(x, 1, 3).value().shares_memory_with(x.value()));
  backward(slice(x, 0, 3) + slice(x, 1, 4), Tensor::from({1., 10., 100.}));
  CHECK(difference(x.grad(), Tensor::from({1., 11., 110., 100.}), 0, 0) == "");
}

}  // namespace divvy::test
