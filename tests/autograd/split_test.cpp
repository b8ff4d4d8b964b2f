#include "autograd/ops/split.h"

#include "autograd/ops/binary.h"
#include "autograd/ops/concat.h"
#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

TEST_CASE("split", "[op]") {
  OpCase result;
  const std::pair<Shape, std::vector<int64_t>> cases[] = {{{5}, {0, 5}},
                                                          {{5}, {0, 2, 5}},
                                                          {{5}, {1, 3, 4}},
                                                          {{5}, {0, 0, 5, 5}},
                                                          {{1}, {0, 1}},
                                                          {{1}, {0, 0, 1, 1}},
                                                          {{0}, {0, 0}},
                                                          {{0, 3}, {0, 0, 0}},
                                                          {{4, 0}, {0, 1, 4}},
                                                          {{4, 3}, {0, 1, 2, 3, 4}},
                                                          {{4, 3}, {2, 2, 4}},
                                                          {{4, 3}, {0, 4}},
                                                          {{4, 1}, {0, 3, 4}},
                                                          {{4, 3, 2}, {0, 3}},
                                                          {{1, 3, 2}, {0, 1}},
                                                          {{6, 2}, {3, 3, 3}},
                                                          {{3000, 20}, {0, 7, 1000, 2999}}};
  uint64_t seed = 1;
  for (const auto& [shape, offsets] : cases) {
    // Part i times i + 2, so that each part has a gradient of its own; joined again these are rows of x with a factor.
    result.samples.push_back({fmt::format("{} at {}", shape, fmt::join(offsets, " ")),
                              {random_tensor(shape, seed++)},
                              [offsets = offsets](const auto& in) {
                                auto parts = split(in[0], offsets);
                                for (size_t i = 0; i < parts.size(); ++i)
                                  parts[i] = parts[i] * static_cast<double>(i + 2);
                                return concat(parts, 0);
                              },
                              [offsets = offsets](const auto& in) {
                                const int64_t width = in[0].shape().range(1).numel();
                                const auto all = in[0].to_doubles();
                                std::vector<double> values;
                                for (size_t i = 0; i + 1 < offsets.size(); ++i) {
                                  for (int64_t j = offsets[i] * width; j < offsets[i + 1] * width; ++j) {
                                    values.push_back(all[static_cast<size_t>(j)] * static_cast<double>(i + 2));
                                  }
                                }
                                return Tensor::from(values, in[0].shape().with(0, offsets.back() - offsets.front()));
                              }});
  }
  const Variable x(Tensor::zeros({4, 3}));
  result.errors = {
      refuses<ShapeError>(
          "behind the end",
          [=] {
            split(x, {0, 2, 5});
          },
          "no rows [2, 5) in shape [4, 3]"),
      refuses<ShapeError>(
          "before the start",
          [=] {
            split(x, {-1, 2});
          },
          "no rows [-1, 2)"),
      refuses<ShapeError>(
          "crossed",
          [=] {
            split(x, {0, 3, 2});
          },
          "no rows [3, 2)"),
      refuses<ValueError>(
          "one offset", [=] { split(x, {0}); }, "at least 2 offsets"),
  };
  check(result);
}

TEST_CASE("parts of a split that nothing uses have no gradient, and backward can run again") {
  const Variable x(Tensor::from({1., 2., 3., 4.}), true);
  const auto parts = split(x, {0, 1, 3, 4});
  CHECK(parts[1].value().shares_memory_with(x.value()));
  const Variable y = parts[1] * parts[1];
  backward(y, Tensor::from({1., 10.}), {.retain_graph = true});
  CHECK(difference(x.grad(), Tensor::from({0., 4., 60., 0.}), 0, 0) == "");
  backward(parts[2], Tensor::from({5.}), {.retain_graph = true});
  CHECK(difference(x.grad(), Tensor::from({0., 4., 60., 5.}), 0, 0) == "");
  backward(y, Tensor::from({1., 10.}));
  CHECK(difference(x.grad(), Tensor::from({0., 8., 120., 5.}), 0, 0) == "");
}

}  // namespace divvy::test
