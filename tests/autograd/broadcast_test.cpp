#include "autograd/ops/broadcast.h"

#include "tensor/error.h"
#include "tests/support/broadcast.h"
#include "tests/support/op_case.h"

namespace divvy::test {

TEST_CASE("broadcast_to", "[op]") {
  OpCase result;
  const std::pair<Shape, Shape> shapes[] = {
      {{}, {}},
      {{}, {4}},
      {{}, {2, 3}},
      {{1}, {1}},
      {{1}, {5}},
      {{1}, {0}},
      {{0}, {0}},
      {{0}, {3, 0}},
      {{1, 3}, {0, 3}},
      {{5}, {5}},
      {{5}, {4, 5}},
      {{4, 1}, {4, 5}},
      {{1, 5}, {4, 5}},
      {{1, 1}, {4, 5}},
      {{3, 1}, {2, 3, 4}},
      {{2, 1, 4}, {2, 3, 4}},
      {{2, 1, 1}, {2, 3, 4}},
      {{1, 3, 1, 2}, {2, 3, 2, 2}},
      {{2, 1, 3, 1}, {2, 4, 3, 5}},
      // Several tiles: sums over many rows, over long rows, over both, and to a wide result.
      {{7}, {5000, 7}},
      {{3, 1}, {3, 20000}},
      {{}, {40000}},
      {{1, 4, 1}, {300, 4, 50}},
      {{3000}, {20, 3000}}};
  uint64_t seed = 1;
  for (const auto& [from, to] : shapes) {
    result.samples.push_back({fmt::format("{} to {}", from, to),
                              {random_tensor(from, seed++)},
                              [to = to](const auto& in) { return broadcast_to(in[0], to); },
                              [to = to](const auto& in) { return Tensor::from(broadcast_values(in[0], to), to); }});
  }
  const Variable x(Tensor::zeros({2, 3}));
  result.errors = {
      refuses<ShapeError>(
          "another size",
          [=] {
            broadcast_to(x, {2, 4});
          },
          "[2, 3] and [2, 4]"),
      refuses<ShapeError>(
          "fewer axes", [=] { broadcast_to(x, {3}); }, "[2, 3] does not broadcast to [3]"),
      refuses<ShapeError>(
          "a smaller axis",
          [=] {
            broadcast_to(x, {1, 3});
          },
          "[2, 3] does not broadcast to [1, 3]"),
      refuses<ValueError>(
          "no variable", [=] { broadcast_to(Variable(), {1}); }, "undefined"),
  };
  check(result);
}

}  // namespace divvy::test
