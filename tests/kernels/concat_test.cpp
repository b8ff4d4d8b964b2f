#include "kernels/concat.h"

#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

TEST_CASE("concat and concat_part take every element type") {
  for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::i32, DType::i64, DType::u8}) {
    const Tensor a = Tensor::full({2, 3}, 1, dtype), b = Tensor::full({2, 2}, 2, dtype);
    Tensor y = Tensor::zeros({2, 5}, dtype);
    kernels::concat({a, b}, 1, y);
    CHECK(y.to_doubles() == std::vector<double>{1, 1, 1, 2, 2, 1, 1, 1, 2, 2});
    Tensor part = Tensor::zeros({2, 2}, dtype);
    kernels::concat_part(y, -1, 2, part);
    CHECK(part.to_doubles() == std::vector<double>{1, 2, 1, 2});
  }
}

TEST_CASE("concat kernels refuse what does not fit") {
  const Tensor a = Tensor::zeros({2, 3});
  Tensor y = Tensor::zeros({4, 3}), wide = Tensor::zeros({4, 3}, DType::f64), part = Tensor::zeros({2, 3});
  Tensor narrow = Tensor::zeros({2, 2});
  CHECK_THROWS_AS(kernels::concat({a}, 0, y), ShapeError);
  CHECK_THROWS_AS(kernels::concat({a, a}, 0, wide), DTypeError);
  CHECK_THROWS_AS(kernels::concat({}, 0, y), ValueError);
  CHECK_THROWS_AS(kernels::concat({a, Tensor()}, 0, y), ValueError);
  CHECK_THROWS_AS(kernels::concat_part(y, 0, 3, part), ShapeError);
  CHECK_THROWS_AS(kernels::concat_part(y, 0, -1, part), ShapeError);
  CHECK_THROWS_AS(kernels::concat_part(y, 0, 0, narrow), ShapeError);
  CHECK_THROWS_AS(kernels::concat_part(wide, 0, 0, part), DTypeError);
  kernels::concat_part(y, 0, 2, part);  // up to the end
}

}  // namespace divvy::test
