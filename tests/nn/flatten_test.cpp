#include "nn/flatten.h"

#include "tests/support/layer_case.h"
#include "tests/support/refusal.h"

namespace divvy::test {

TEST_CASE("gradients of Flatten", "[flatten][device]") {
  uint64_t seed = 1;
  for (const Shape& shape :
       {Shape{2, 3}, Shape{0, 3, 2}, Shape{1, 1, 1, 1}, Shape{4, 2, 3, 2}, Shape{3, 0, 2}, Shape{1, 5}}) {
    for (int axis : {0, 1}) {
      nn::Flatten layer(axis);
      check_gradients(layer, random_tensor(shape, ++seed), {});
      if (axis > 0 && shape[0] > 0)
        check_gradients(layer, random_tensor(shape, seed), random_segments(2, 3, seed, shape[0]));
    }
  }
}

TEST_CASE("Flatten keeps the rows and makes the rest one axis", "[flatten]") {
  const Variable x(random_tensor({4, 2, 3, 2}, 1));
  CHECK(nn::Flatten()(x).shape() == Shape{4, 12});
  CHECK(nn::Flatten()(x).value().shares_memory_with(x.value()));
  CHECK(nn::Flatten(2)(x).shape() == Shape{4, 2, 6});
  const Tensor read = nn::Flatten()(nn::Rows(x, {{}, Tensor::from<int64_t>({3, 1})})).values().value();
  CHECK(read.shape() == Shape{2, 12});
  CHECK(same_bits(read[1], x.value()[1].reshape({12})));
  CHECK(nn::Flatten().describe() == "Flatten");
  CHECK(nn::Flatten(2).describe() == "Flatten(2)");
}

TEST_CASE("Flatten refuses what does not fit", "[flatten]") {
  using Catch::Matchers::Contains;
  CHECK(refusal<ValueError>([] { nn::Flatten(-1); }) == "Flatten: the axis must not be negative, got -1");
  CHECK_THAT(refusal<ShapeError>([] { nn::Flatten(3)(Variable(Tensor::zeros({2, 3}))); }), Contains("[2, 3]"));
  CHECK_THAT(refusal<ValueError>([] { nn::Flatten()(Variable()); }), Contains("undefined"));
  // Rows that become one axis with others are divided no more.
  const nn::Rows divided(Variable(Tensor::zeros({2, 3})), {Tensor::from<int64_t>({0, 1, 2}), {}});
  CHECK_THAT(refusal<ShapeError>([&] { nn::Flatten(0)(divided); }), Contains("[6] cannot take the place of 2 rows"));
}

}  // namespace divvy::test
