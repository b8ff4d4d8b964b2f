#include "autograd/ops/stack.h"

#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

/// Element by element: outer index, part, inner index.
Tensor naive_stack(const std::vector<Tensor>& parts, int axis) {
  const Shape& part = parts[0].shape();
  const int at = axis < 0 ? axis + part.rank() + 1 : axis;
  const int64_t inner = part.range(at).numel();
  std::vector<double> values;
  for (int64_t outer = 0; outer < part.range(0, at).numel(); ++outer) {
    for (const Tensor& each : parts) {
      const auto all = each.to_doubles();
      for (int64_t i = 0; i < inner; ++i) values.push_back(all[static_cast<size_t>(outer * inner + i)]);
    }
  }
  return Tensor::from(values, part.range(0, at).concat({static_cast<int64_t>(parts.size())}).concat(part.range(at)));
}

}  // namespace

TEST_CASE("stack", "[op]") {
  OpCase result;
  const std::tuple<Shape, size_t, int> cases[] = {
      {{}, 1, 0},        {{}, 3, -1},        {{3}, 1, 0},       {{3}, 2, 0},       {{3}, 2, 1},
      {{3}, 4, -2},      {{1}, 3, 0},        {{0}, 2, 0},       {{0}, 2, 1},       {{2, 3}, 2, 0},
      {{2, 3}, 2, 1},    {{2, 3}, 3, 2},     {{2, 3}, 3, -1},   {{0, 3}, 2, 1},    {{2, 0}, 2, 2},
      {{2, 3, 4}, 2, 1}, {{2, 3, 4}, 5, -2}, {{1, 1, 1}, 2, 3}, {{9000, 2}, 2, 1}, {{40000}, 2, 0}};
  uint64_t seed = 1;
  for (const auto& [shape, count, axis] : cases) {
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < count; ++i) inputs.push_back(random_tensor(shape, seed++));
    result.samples.push_back({fmt::format("{} parts {} along axis {}", count, shape, axis), inputs,
                              [axis = axis](const auto& in) { return stack(in, axis); },
                              [axis = axis](const auto& in) { return naive_stack(in, axis); }});
  }
  const Variable x(Tensor::zeros({2, 3}));
  const auto with = [x](const Tensor& other) { return std::vector<Variable>{x, Variable(other)}; };
  result.errors = {
      refuses<ValueError>(
          "nothing", [] { stack(std::vector<Variable>{}); }, "there are no parts"),
      refuses<ShapeError>(
          "another shape",
          [=] {
            stack(with(Tensor::zeros({3, 2})));
          },
          "part 1 is [3, 2]"),
      refuses<ShapeError>(
          "no such axis",
          [=] {
            stack(with(Tensor::zeros({2, 3})), 3);
          },
          "axis 3 is out of range"),
      refuses<ShapeError>(
          "no such axis from the back",
          [=] {
            stack(with(Tensor::zeros({2, 3})), -4);
          },
          "axis -4"),
      refuses<DTypeError>(
          "two types",
          [=] {
            stack(with(Tensor::zeros({2, 3}, DType::f64)));
          },
          "f32, got f64"),
      refuses<ValueError>(
          "no variable",
          [=] {
            stack(std::vector<Variable>{x, Variable()});
          },
          "undefined"),
  };
  check(result);
}

}  // namespace divvy::test
