#include "kernels/concat.h"

#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

TEST_CASE("concat and concat_part take every element type", "[kernel][device]") {
  for (const Device device : available_devices()) {
    for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::i32, DType::i64, DType::u8}) {
      const Tensor a = Tensor::full({2, 3}, 1, dtype, device), b = Tensor::full({2, 2}, 2, dtype, device);
      Tensor y = Tensor::zeros({2, 5}, dtype, device);
      kernels::concat({a, b}, 1, y);
      CHECK(y.to_doubles() == std::vector<double>{1, 1, 1, 2, 2, 1, 1, 1, 2, 2});
      Tensor part = Tensor::zeros({2, 2}, dtype, device);
      kernels::concat_part(y, -1, 2, part);
      CHECK(part.to_doubles() == std::vector<double>{1, 2, 1, 2});
    }
  }
}

TEST_CASE("concat joins many parts of unlike sizes, and concat_part takes them apart", "[kernel][device]") {
  for (const Device device : available_devices()) {
    for (const int64_t outer : {1, 3}) {
      for (const int64_t inner : {1, 2, 8}) {
        std::vector<Tensor> parts;
        int64_t size = 0;
        for (int64_t p = 0; p < 73; ++p) {
          parts.push_back(random_tensor({outer, p % 5, inner}, static_cast<uint64_t>(p), -1, 1, DType::f32).to(device));
          size += p % 5;
        }
        Tensor y = Tensor::empty({outer, size, inner}, DType::f32, device);
        kernels::concat(parts, 1, y);
        int64_t begin = 0;
        for (const Tensor& part : parts) {
          Tensor again = Tensor::full(part.shape(), 99, DType::f32, device);
          kernels::concat_part(y, 1, begin, again);
          CHECK(same_bits(again.to(Device::cpu()), part.to(Device::cpu())));
          begin += part.size(1);
        }
        const Tensor whole = y.to(Device::cpu()), last = parts.back().to(Device::cpu());
        CHECK(whole.data<float>()[size * inner - inner] == last.data<float>()[last.size(1) * inner - inner]);
      }
    }
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
