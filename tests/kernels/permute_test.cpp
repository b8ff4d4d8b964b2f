#include "kernels/permute.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/permute.h"

namespace divvy::test {

TEST_CASE("permute agrees with naive loops for random shapes, orders and element types", "[kernel][device]") {
  std::mt19937_64 random(1);
  const DType dtypes[] = {DType::f32, DType::f64, DType::bf16, DType::i32, DType::i64, DType::u8};
  for (int i = 0; i < 1500; ++i) {
    std::vector<int64_t> sizes;
    const size_t rank = random() % 6;
    for (size_t axis = 0; axis < rank; ++axis)
      sizes.push_back(std::array<int64_t, 7>{1, 1, 2, 3, 5, 9, 37}[random() % 7]);
    if (random() % 50 == 0 && rank > 0) sizes[0] = 0;
    std::vector<int> axes(rank);
    std::iota(axes.begin(), axes.end(), 0);
    std::ranges::shuffle(axes, random);
    const Shape shape{std::span<const int64_t>(sizes)};
    if (shape.numel() > 100000) continue;
    INFO(shape.to_string() << " by " << fmt::format("{}", fmt::join(axes, " ")));
    Tensor x = Tensor::empty(shape, dtypes[random() % 6]);
    visit_any(x.dtype(), [&]<class T>() {
      for (T& v : x.mutable_values<T>()) v = T(static_cast<float>(random() % 200));
    });
    const auto expected = naive_permute(x, axes).to_doubles();
    for (const Device device : available_devices()) {
      INFO(device.to_string());
      Tensor y = Tensor::full(kernels::permuted_shape(shape, axes), 99, x.dtype(), device);
      kernels::permute(x.to(device), axes, y);
      REQUIRE(y.to_doubles() == expected);
    }
  }
}

TEST_CASE("permute refuses what does not fit") {
  const Tensor x = Tensor::zeros({2, 3});
  Tensor y = Tensor::zeros({3, 2}), same = Tensor::zeros({2, 3}), wide = Tensor::zeros({3, 2}, DType::f64);
  CHECK_THROWS_AS(kernels::permute(x, {1, 0}, same), ShapeError);
  CHECK_THROWS_AS(kernels::permute(x, {1, 1}, y), ShapeError);
  CHECK_THROWS_AS(kernels::permute(x, {1, 0}, wide), DTypeError);
  CHECK_THROWS_AS(kernels::permute(Tensor(), {1, 0}, y), ValueError);
}

}  // namespace divvy::test
