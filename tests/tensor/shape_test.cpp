#include "tensor/shape.h"

#include <array>
#include <vector>

#include "tensor/error.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace {
constexpr int64_t kHuge = int64_t{1} << 32;
}  // namespace

TEST_CASE("A shape knows its sizes") {
  const Shape shape{2, 3, 4};
  CHECK(shape.rank() == 3);
  CHECK(shape.numel() == 24);
  CHECK(shape[0] == 2);
  CHECK(shape[2] == 4);
  CHECK(shape[-1] == 4);
  CHECK(shape[-3] == 2);
  CHECK(shape.rows() == 6);
  CHECK(shape.cols() == 4);
  CHECK(shape.to_string() == "[2, 3, 4]");
  CHECK(std::vector<int64_t>(shape.begin(), shape.end()) == std::vector<int64_t>{2, 3, 4});
}

TEST_CASE("A scalar's shape and empty shapes") {
  CHECK(Shape().rank() == 0);
  CHECK(Shape().numel() == 1);
  CHECK(Shape().rows() == 1);
  CHECK(Shape().cols() == 1);
  CHECK(Shape().to_string() == "[]");
  CHECK(Shape{0}.numel() == 0);
  CHECK(Shape{0}.rows() == 1);
  CHECK(Shape{3, 0}.rows() == 3);
  CHECK(Shape{3, 0}.cols() == 0);
  CHECK(Shape{0, 3}.rows() == 0);
}

TEST_CASE("Shapes are equal where rank and sizes are") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape{2} != Shape{2, 1});
  CHECK(Shape{} != Shape{1});
  // What is left over from a longer shape plays no part.
  CHECK(Shape{1, 2, 3}.range(0, 1) == Shape{1});
}

TEST_CASE("Shapes are cut, joined and changed") {
  const Shape shape{2, 3, 4};
  CHECK(shape.range(1) == Shape{3, 4});
  CHECK(shape.range(0, 2) == Shape{2, 3});
  CHECK(shape.range(1, 1) == Shape{});
  CHECK(shape.with(1, 7) == Shape{2, 7, 4});
  CHECK(shape.with(-1, 0) == Shape{2, 3, 0});
  CHECK(shape.concat({5}) == Shape{2, 3, 4, 5});
  CHECK(Shape{}.concat({}) == Shape{});
}

TEST_CASE("Shapes refuse what is no shape") {
  CHECK_THROWS_WITH((Shape{2, -1}), "a shape has no negative sizes, got [2, -1]");
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), ShapeError);
  CHECK_THROWS_WITH((Shape{kHuge, kHuge}), Catch::Contains("more elements than int64 can count"));
  CHECK_THROWS_AS((Shape{kHuge, 0, kHuge}), ShapeError);
  CHECK((Shape{kHuge, kHuge / 4}.numel()) == int64_t{1} << 62);
  const Shape shape{2, 3};
  CHECK_THROWS_WITH(shape[2], "axis 2 is out of range for shape [2, 3]");
  CHECK_THROWS_AS(shape[-3], ShapeError);
  CHECK_THROWS_AS(Shape{}[0], ShapeError);
  CHECK_THROWS_AS(shape.with(2, 1), ShapeError);
  CHECK_THROWS_AS(shape.with(0, -1), ShapeError);
  CHECK_THROWS_AS(shape.with(0, int64_t{1} << 62), ShapeError);
  CHECK_THROWS_WITH(shape.range(1, 3), "no axes [1, 3) in shape [2, 3]");
  CHECK_THROWS_AS(shape.range(-1, 1), ShapeError);
  CHECK_THROWS_AS(shape.range(2, 1), ShapeError);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1}.concat({1, 1, 1, 1})), ShapeError);
}

TEST_CASE("Shapes broadcast from the last axis") {
  const auto to = [](const Shape& a, const Shape& b) {
    const Shape result = broadcast_shapes("add", a, b);
    CHECK(broadcast_shapes("add", b, a) == result);
    return result;
  };
  CHECK(to({2, 3}, {2, 3}) == Shape{2, 3});
  CHECK(to({2, 3}, {3}) == Shape{2, 3});
  CHECK(to({2, 1}, {1, 3}) == Shape{2, 3});
  CHECK(to({}, {2, 3}) == Shape{2, 3});
  CHECK(to({}, {}) == Shape{});
  CHECK(to({4, 1, 3}, {2, 1}) == Shape{4, 2, 3});
  CHECK(to({0, 3}, {1, 3}) == Shape{0, 3});
  CHECK(to({0}, {1}) == Shape{0});
  CHECK(to({2, 0}, {}) == Shape{2, 0});
  CHECK_THROWS_WITH(to({2, 3}, {2}), "add: shapes [2, 3] and [2] do not broadcast");
  CHECK_THROWS_AS(to({0}, {2}), ShapeError);
  CHECK_THROWS_AS(to({kHuge, 1}, {1, kHuge}), ShapeError);
}

}  // namespace divvy::test
