#include "autograd/ops/concat.h"

#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

/// Element by element: outer index, entry along the axis, inner index.
Tensor naive_concat(const std::vector<Tensor>& parts, int axis) {
  const int at = axis < 0 ? axis + parts[0].rank() : axis;
  int64_t size = 0;
  for (const Tensor& part : parts) size += part.size(at);
  const Shape& first = parts[0].shape();
  std::vector<double> values;
  for (int64_t outer = 0; outer < first.range(0, at).numel(); ++outer) {
    for (const Tensor& part : parts) {
      const auto all = part.to_doubles();
      const int64_t run = part.shape().range(at).numel();
      for (int64_t i = 0; i < run; ++i) values.push_back(all[static_cast<size_t>(outer * run + i)]);
    }
  }
  return Tensor::from(values, first.with(at, size));
}

}  // namespace

TEST_CASE("concat", "[op]") {
  OpCase result;
  const std::pair<std::vector<Shape>, int> cases[] = {
      {{{3}}, 0},
      {{{3}, {2}}, 0},
      {{{3}, {2}}, -1},
      {{{1}, {1}, {1}}, 0},
      {{{0}, {2}}, 0},
      {{{0}, {0}}, 0},
      {{{2, 3}, {4, 3}}, 0},
      {{{2, 3}, {2, 1}}, 1},
      {{{2, 3}, {2, 0}, {2, 2}}, 1},
      {{{0, 3}, {0, 2}}, 1},
      {{{2, 3}, {0, 3}, {1, 3}}, 0},
      {{{2, 3, 4}, {1, 3, 4}}, 0},
      {{{2, 3, 4}, {2, 1, 4}}, 1},
      {{{2, 3, 4}, {2, 3, 1}, {2, 3, 2}}, 2},
      {{{2, 3, 4}, {2, 2, 4}}, -2},
      {{{1, 1}, {1, 1}}, 1},
      {{{2, 3}, {2, 3}, {2, 3}, {2, 3}}, 1},
      {{{20000}, {30000}}, 0},
      {{{5000, 3}, {5000, 4}}, 1},
  };
  uint64_t seed = 1;
  for (const auto& [shapes, axis] : cases) {
    std::vector<Tensor> inputs;
    for (const Shape& shape : shapes) inputs.push_back(random_tensor(shape, seed++));
    result.samples.push_back({fmt::format("{} parts {} ... along axis {}", shapes.size(), shapes[0], axis), inputs,
                              [axis = axis](const auto& in) { return concat(in, axis); },
                              [axis = axis](const auto& in) { return naive_concat(in, axis); }});
  }
  const Variable x(Tensor::zeros({2, 3}));
  const auto with = [x](const Tensor& other) { return std::vector<Variable>{x, Variable(other)}; };
  result.errors = {
      refuses<ValueError>(
          "nothing", [] { concat({}, 0); }, "there are no parts"),
      refuses<ShapeError>(
          "another width",
          [=] {
            concat(with(Tensor::zeros({2, 2})), 0);
          },
          "part 1 is [2, 2]"),
      refuses<ShapeError>(
          "another rank", [=] { concat(with(Tensor::zeros({3})), 0); }, "part 1 is [3]"),
      refuses<ShapeError>(
          "no such axis",
          [=] {
            concat({x, x}, 2);
          },
          "axis 2 is out of range"),
      refuses<ShapeError>(
          "scalars", [=] { concat({Variable(Tensor::scalar(1))}, 0); }, "rank 1 or more"),
      refuses<DTypeError>(
          "two types",
          [=] {
            concat(with(Tensor::zeros({2, 3}, DType::f64)), 0);
          },
          "f32, got f64"),
      refuses<ValueError>(
          "no variable",
          [=] {
            concat({x, Variable()}, 0);
          },
          "undefined"),
  };
  check(result);
}

TEST_CASE("concat joins one variable with itself and with constants") {
  const Variable x(Tensor::from({1., 2.}), true), c(Tensor::from({5.}));
  const Variable y = concat({x, c, x}, 0);
  CHECK(same_bits(y.value(), Tensor::from({1., 2., 5., 1., 2.})));
  backward(y, Tensor::from({1., 2., 3., 4., 5.}));
  CHECK(same_bits(x.grad(), Tensor::from({5., 7.})));
}

}  // namespace divvy::test
