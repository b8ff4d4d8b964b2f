#include "kernels/ops.h"

#include <cmath>

#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

using Doubles = std::vector<double>;
using Catch::Matchers::Contains;

constexpr DType kEveryType[] = {DType::f32, DType::f64, DType::bf16, DType::i32, DType::i64, DType::u8};

}  // namespace

TEST_CASE("Arithmetic on tensors broadcasts and takes numbers", "[kernel][device]") {
  for (const Device device : available_devices()) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor x = Tensor::arange(1, 7, 1, dtype).reshape({2, 3}).to(device);
      const Tensor row = Tensor::arange(1, 4, 1, dtype, device), column = row.slice(0, 2).reshape({2, 1});
      CHECK((x + x).to_doubles() == Doubles{2, 4, 6, 8, 10, 12});
      CHECK((x - row).to_doubles() == Doubles{0, 0, 0, 3, 3, 3});
      CHECK((x * column).to_doubles() == Doubles{1, 2, 3, 8, 10, 12});
      CHECK((row / column).to_doubles() == Doubles{1, 2, 3, 0.5, 1, 1.5});
      CHECK((x + 0.5).to_doubles() == Doubles{1.5, 2.5, 3.5, 4.5, 5.5, 6.5});
      CHECK((row - 1).to_doubles() == Doubles{0, 1, 2});
      CHECK((row * 2).to_doubles() == Doubles{2, 4, 6});
      CHECK((row / 2).to_doubles() == Doubles{0.5, 1, 1.5});
      CHECK((1 + row).to_doubles() == Doubles{2, 3, 4});
      CHECK((1 - row).to_doubles() == Doubles{0, -1, -2});
      CHECK((2 * row).to_doubles() == Doubles{2, 4, 6});
      CHECK((2 / column).to_doubles() == Doubles{2, 1});
      CHECK((-row).to_doubles() == Doubles{-1, -2, -3});
      CHECK(std::signbit((-Tensor::zeros({1}, dtype, device)).item()));
      const Tensor sum = x + row;
      CHECK(sum.dtype() == dtype);
      CHECK(sum.device() == device);
      CHECK((Tensor::zeros({0, 3}, dtype, device) + row).shape() == Shape{0, 3});
      CHECK((Tensor::zeros({2, 0}, dtype, device) * column).shape() == Shape{2, 0});
      CHECK((Tensor::scalar(2, dtype, device) * Tensor::scalar(3, dtype, device)).item() == 6);
      CHECK(x.to_doubles() == Doubles{1, 2, 3, 4, 5, 6});  // the operands stay
    }
  }
}

TEST_CASE("Arithmetic on tensors refuses what does not fit") {
  const Tensor x = Tensor::zeros({2, 3});
  CHECK_THROWS_WITH(x + Tensor::zeros({2}), "add: shapes [2, 3] and [2] do not broadcast");
  CHECK_THROWS_AS(x - Tensor::zeros({2, 3}, DType::f64), DTypeError);
  CHECK_THROWS_AS(Tensor::arange(3) * Tensor::arange(3), DTypeError);
  CHECK_THROWS_WITH(Tensor::arange(3) * 2, Contains("must be f32 or f64, got i64"));
  CHECK_THROWS_AS(Tensor() / x, ValueError);
  CHECK_THROWS_AS(x / Tensor(), ValueError);
  CHECK_THROWS_AS(1 - Tensor(), ValueError);
  CHECK_THROWS_AS(-Tensor(), ValueError);
}

TEST_CASE("slice copies a range of any axis", "[kernel][device]") {
  for (const Device device : available_devices()) {
    for (const DType dtype : kEveryType) {
      const Tensor x = Tensor::arange(12, dtype, device).reshape({2, 3, 2});
      CHECK(slice(x, 1, 2, 0).to_doubles() == Doubles{6, 7, 8, 9, 10, 11});
      CHECK(slice(x, 1, 3, 1).to_doubles() == Doubles{2, 3, 4, 5, 8, 9, 10, 11});
      CHECK(slice(x, 0, 1, -1).to_doubles() == Doubles{0, 2, 4, 6, 8, 10});
      CHECK(slice(x, 2, 2, 1).shape() == Shape{2, 0, 2});
      CHECK(slice(x, 0, 3, 1).to_doubles() == x.to_doubles());
      CHECK(!slice(x, 0, 2, 0).shares_memory_with(x));
    }
    CHECK(slice(Tensor::zeros({0, 3}, DType::f32, device), 1, 3, 1).shape() == Shape{0, 2});
    CHECK(slice(Tensor::zeros({1}, DType::f32, device), 0, 1, 0).shape() == Shape{1});
  }
}

TEST_CASE("slice refuses what is no range of the axis") {
  const Tensor x = Tensor::zeros({4, 3});
  CHECK_THROWS_WITH(slice(x, 2, 5, 1), "slice: no entries [2, 5) in axis 1 of shape [4, 3]");
  CHECK_THROWS_AS(slice(x, -1, 2, 0), ShapeError);
  CHECK_THROWS_AS(slice(x, 2, 1, 0), ShapeError);
  CHECK_THROWS_WITH(slice(x, 0, 1, 2), "slice: axis 2 is out of range for shape [4, 3]");
  CHECK_THROWS_AS(slice(Tensor::scalar(1), 0, 1, 0), ShapeError);
  CHECK_THROWS_AS(slice(Tensor(), 0, 1, 0), ValueError);
}

TEST_CASE("concat joins tensors and stack puts them beside each other", "[kernel][device]") {
  for (const Device device : available_devices()) {
    for (const DType dtype : kEveryType) {
      const Tensor a = Tensor::arange(4, dtype, device).reshape({2, 2}), b = Tensor::ones({2, 2}, dtype, device);
      CHECK(concat({a, b}, 1).to_doubles() == Doubles{0, 1, 1, 1, 2, 3, 1, 1});
      const Tensor first = stack({a, b});
      CHECK(first.shape() == Shape{2, 2, 2});
      CHECK(first.to_doubles() == Doubles{0, 1, 2, 3, 1, 1, 1, 1});
      CHECK(stack({a, b}, 1).to_doubles() == Doubles{0, 1, 1, 1, 2, 3, 1, 1});
      CHECK(stack({a, b}, 2).to_doubles() == Doubles{0, 1, 1, 1, 2, 1, 3, 1});
      CHECK(same_bits(stack({a, b}, -1).to(Device::cpu()), stack({a, b}, 2).to(Device::cpu())));
    }
    const Tensor number = Tensor::scalar(3, DType::f32, device);
    CHECK(stack({number}).shape() == Shape{1});
    CHECK(stack({number, number}).to_doubles() == Doubles{3, 3});
    const Tensor none = Tensor::zeros({0, 2}, DType::f32, device);
    CHECK(stack({none, none}, 1).shape() == Shape{0, 2, 2});
  }
}

TEST_CASE("concat and stack refuse what does not fit") {
  const Tensor x = Tensor::zeros({2, 3});
  CHECK_THROWS_AS(concat(std::vector<Tensor>{}, 0), ValueError);
  CHECK_THROWS_AS(concat({x, Tensor::zeros({2, 2})}, 0), ShapeError);
  CHECK_THROWS_WITH(stack(std::vector<Tensor>{}), "stack: there are no parts");
  CHECK_THROWS_WITH(stack({x, Tensor::zeros({3})}), "stack: part 1 is [3], the first is [2, 3]");
  CHECK_THROWS_WITH(stack({x, x}, 3), "stack: axis 3 is out of range for parts [2, 3]");
  CHECK_THROWS_AS(stack({x, x}, -4), ShapeError);
  CHECK_THROWS_AS(stack({x, Tensor::zeros({2, 3}, DType::i32)}), DTypeError);
  CHECK_THROWS_AS(stack({x, Tensor()}), ValueError);
  CHECK_THROWS_AS(stack({Tensor::zeros({1, 1, 1, 1, 1, 1, 1, 1})}), ShapeError);
}

TEST_CASE("one_hot has a 1 at each index", "[kernel][device]") {
  for (const Device device : available_devices()) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor index = Tensor::from<int64_t>({2, 0, 1, 2}).to(device);
      const Tensor y = one_hot(index, 3, dtype);
      CHECK(y.dtype() == dtype);
      CHECK(y.device() == device);
      CHECK(y.shape() == Shape{4, 3});
      CHECK(y.to_doubles() == Doubles{0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1});
      CHECK(one_hot(index.reshape({2, 2}), 4).shape() == Shape{2, 2, 4});
      CHECK(one_hot(index.slice(0, 0), 3, dtype).shape() == Shape{0, 3});
      CHECK(one_hot(index.slice(0, 0), 0, dtype).shape() == Shape{0, 0});
      CHECK(one_hot(index[1], 1, dtype).to_doubles() == Doubles{1});
    }
    CHECK_THROWS_AS(one_hot(Tensor::from<int64_t>({0, 3}).to(device), 3).to_doubles(), ValueError);
    CHECK_THROWS_AS(one_hot(Tensor::from<int64_t>({-1}).to(device), 3).to_doubles(), ValueError);
  }
}

TEST_CASE("one_hot refuses what names no class") {
  CHECK_THROWS_WITH(one_hot(Tensor::from<int64_t>({0, 3}), 3), "one_hot: index[1] = 3 is outside [0, 3)");
  CHECK_THROWS_AS(one_hot(Tensor::zeros({2}), 3), DTypeError);
  CHECK_THROWS_AS(one_hot(Tensor::arange(2), 3, DType::i64), DTypeError);
  CHECK_THROWS_AS(one_hot(Tensor::arange(0), -1), ShapeError);
  CHECK_THROWS_AS(one_hot(Tensor(), 3), ValueError);
}

}  // namespace divvy::test
