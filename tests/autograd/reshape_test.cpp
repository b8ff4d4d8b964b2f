#include "autograd/ops/reshape.h"

#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

/// The same elements in another shape, copied one by one.
Tensor naive_reshape(const Tensor& x, const Shape& shape) { return Tensor::from(x.to_doubles(), shape); }

}  // namespace

TEST_CASE("reshape", "[op]") {
  OpCase result;
  const std::pair<Shape, Shape> shapes[] = {{{}, {}},
                                            {{}, {1}},
                                            {{1}, {}},
                                            {{1}, {1, 1, 1}},
                                            {{0}, {0, 3}},
                                            {{2, 0}, {0}},
                                            {{6}, {2, 3}},
                                            {{2, 3}, {6}},
                                            {{2, 3}, {3, 2}},
                                            {{2, 3}, {2, 3}},
                                            {{2, 3, 4}, {6, 4}},
                                            {{6, 4}, {2, 3, 4}},
                                            {{4, 1}, {1, 4}},
                                            {{1, 5, 1}, {5}},
                                            {{2, 2, 2, 2}, {16}},
                                            {{3, 7}, {7, 1, 3}},
                                            {{200, 200}, {40000}}};
  uint64_t seed = 1;
  for (const auto& [from, to] : shapes) {
    result.samples.push_back({fmt::format("{} to {}", from, to),
                              {random_tensor(from, seed++)},
                              [to = to](const auto& in) { return reshape(in[0], to); },
                              [to = to](const auto& in) { return naive_reshape(in[0], to); }});
  }
  result.samples.push_back({"with an open size",
                            {random_tensor({4, 3, 2}, seed)},
                            [](const auto& in) {
                              return reshape(in[0], {2, -1, 3});
                            },
                            [](const auto& in) {
                              return naive_reshape(in[0], {2, 4, 3});
                            }});
  const Variable x(Tensor::zeros({2, 3}));
  result.errors = {
      refuses<ShapeError>(
          "another number of elements", [=] { reshape(x, Shape{5}); }, "[2, 3] do not fit [5]"),
      refuses<ShapeError>(
          "no whole size",
          [=] {
            reshape(x, {4, -1});
          },
          "cannot infer a size"),
      refuses<ValueError>(
          "no variable", [=] { reshape(Variable(), {1}); }, "undefined"),
  };
  check(result);
}

TEST_CASE("flatten", "[op]") {
  OpCase result;
  const std::tuple<Shape, int, Shape> cases[] = {{{2, 3}, 1, {2, 3}},
                                                 {{2, 3, 4}, 1, {2, 12}},
                                                 {{2, 3, 4}, 0, {24}},
                                                 {{2, 3, 4}, 2, {2, 3, 4}},
                                                 {{2, 3, 4}, -2, {2, 12}},
                                                 {{2, 3, 4}, -1, {2, 3, 4}},
                                                 {{5}, 0, {5}},
                                                 {{1, 1}, 1, {1, 1}},
                                                 {{0, 3, 4}, 1, {0, 12}},
                                                 {{3, 0, 4}, 1, {3, 0}},
                                                 {{3, 0, 4}, 0, {0}},
                                                 {{2, 3, 2, 2}, 1, {2, 12}},
                                                 {{2, 3, 2, 2}, 2, {2, 3, 4}},
                                                 {{1, 2, 3}, 1, {1, 6}},
                                                 {{2, 1, 1}, 1, {2, 1}},
                                                 {{0}, 0, {0}},
                                                 {{1}, 0, {1}}};
  uint64_t seed = 1;
  for (const auto& [from, axis, to] : cases) {
    result.samples.push_back({fmt::format("{} from axis {}", from, axis),
                              {random_tensor(from, seed++)},
                              [axis = axis](const auto& in) { return flatten(in[0], axis); },
                              [to = to](const auto& in) { return naive_reshape(in[0], to); }});
  }
  result.errors = {
      refuses<ShapeError>(
          "no such axis", [] { flatten(Variable(Tensor::zeros({2}))); }, "axis 1 is out of range"),
      refuses<ShapeError>(
          "a scalar", [] { flatten(Variable(Tensor::scalar(1)), 0); }, "axis 0 is out of range"),
      refuses<ValueError>(
          "no variable", [] { flatten(Variable()); }, "undefined"),
  };
  check(result);
}

TEST_CASE("reshape and flatten are views") {
  const Variable x(Tensor::zeros({2, 3}));
  CHECK(reshape(x, {3, 2}).value().shares_memory_with(x.value()));
  CHECK(flatten(x).value().shares_memory_with(x.value()));
}

}  // namespace divvy::test
