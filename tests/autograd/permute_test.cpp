#include "autograd/ops/permute.h"

#include "tensor/error.h"
#include "tests/support/op_case.h"
#include "tests/support/permute.h"

namespace divvy::test {

TEST_CASE("permute", "[op]") {
  OpCase result;
  const std::pair<Shape, std::vector<int>> cases[] = {
      {{}, {}},
      {{1}, {0}},
      {{5}, {0}},
      {{0}, {-1}},
      {{2, 3}, {0, 1}},
      {{2, 3}, {1, 0}},
      {{2, 3}, {-1, 0}},
      {{0, 3}, {1, 0}},
      {{1, 3}, {1, 0}},
      {{1, 1}, {1, 0}},
      {{2, 3, 4}, {0, 2, 1}},
      {{2, 3, 4}, {1, 0, 2}},
      {{2, 3, 4}, {2, 1, 0}},
      {{2, 3, 4}, {1, 2, 0}},
      {{2, 3, 4}, {2, 0, 1}},
      {{2, 3, 4}, {0, 1, 2}},
      {{2, 0, 4}, {2, 1, 0}},
      {{2, 1, 4}, {2, 1, 0}},
      {{2, 3, 2, 3}, {0, 2, 3, 1}},
      {{2, 3, 2, 3}, {3, 1, 2, 0}},
      {{2, 3, 2, 3}, {1, 3, 0, 2}},
      {{33, 65}, {1, 0}},
      {{3, 40, 70}, {0, 2, 1}},
      {{3, 90, 200}, {1, 0, 2}},
      {{2, 2, 1, 2, 3}, {4, 3, 2, 1, 0}},
  };
  uint64_t seed = 1;
  for (const auto& [shape, axes] : cases) {
    result.samples.push_back({fmt::format("{} to {}", shape, fmt::join(axes, " ")),
                              {random_tensor(shape, seed++)},
                              [axes = axes](const auto& in) { return permute(in[0], axes); },
                              [axes = axes](const auto& in) { return naive_permute(in[0], axes); }});
  }
  const Variable x(Tensor::zeros({2, 3}));
  result.errors = {
      refuses<ShapeError>(
          "too few axes", [=] { permute(x, {0}); }, "[0] are no order of the axes of [2, 3]"),
      refuses<ShapeError>(
          "too many axes",
          [=] {
            permute(x, {0, 1, 2});
          },
          "are no order"),
      refuses<ShapeError>(
          "an axis twice",
          [=] {
            permute(x, {1, -1});
          },
          "[1, -1] are no order"),
      refuses<ShapeError>(
          "no such axis",
          [=] {
            permute(x, {0, 2});
          },
          "axis 2 is out of range"),
      refuses<ValueError>(
          "no variable", [=] { permute(Variable(), {0}); }, "undefined"),
  };
  check(result);
}

TEST_CASE("transpose", "[op]") {
  OpCase result;
  const Shape shapes[] = {{1, 1},    {2, 3},    {0, 3},       {3, 0},      {1, 5},    {5, 1},
                          {32, 32},  {31, 33},  {64, 100},    {2, 3, 4},   {0, 3, 4}, {4, 1, 3},
                          {4, 3, 1}, {1, 3, 4}, {2, 3, 4, 5}, {70, 40, 9}, {150, 260}};
  uint64_t seed = 1;
  for (const Shape& shape : shapes) {
    result.samples.push_back({shape.to_string(),
                              {random_tensor(shape, seed++)},
                              [](const auto& in) { return transpose(in[0]); },
                              [](const auto& in) {
                                std::vector<int> axes;
                                for (int axis = 0; axis < in[0].rank(); ++axis) axes.push_back(axis);
                                std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
                                return naive_permute(in[0], axes);
                              }});
  }
  result.errors = {
      refuses<ShapeError>(
          "a vector", [] { transpose(Variable(Tensor::zeros({2}))); }, "rank 2 or more, got [2]"),
      refuses<ValueError>(
          "no variable", [] { transpose(Variable()); }, "undefined"),
  };
  check(result);
}

}  // namespace divvy::test
