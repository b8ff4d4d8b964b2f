#include "kernels/broadcast.h"

#include <random>

#include "tensor/parallel.h"
#include "tests/support/broadcast.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

/// A shape of up to four axes and one that broadcasts to it.
std::pair<Shape, Shape> random_shapes(std::mt19937_64& random) {
  std::vector<int64_t> large, small;
  const size_t rank = random() % 5;
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t sizes[] = {0, 1, 1, 2, 3, 5, 17, 40};
    large.push_back(sizes[random() % 8]);
    small.push_back(random() % 2 == 0 ? 1 : large.back());
  }
  small.erase(small.begin(), small.begin() + static_cast<int64_t>(random() % (rank + 1)));
  return {Shape(std::span<const int64_t>(small)), Shape(std::span<const int64_t>(large))};
}

Tensor naive_sum_to(const Tensor& x, const Shape& shape) {
  // Where each element of x goes: broadcast the positions of the sum.
  std::vector<double> positions(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<double>(i);
  const auto target = broadcast_values(Tensor::from(positions, shape), x.shape());
  Tensor sums = Tensor::zeros(shape, DType::f64);
  const auto values = x.to_doubles();
  for (size_t i = 0; i < values.size(); ++i) sums.mutable_values<double>()[static_cast<size_t>(target[i])] += values[i];
  return sums;
}

}  // namespace

TEST_CASE("broadcast_to and sum_to agree with naive loops for random shapes", "[device]") {
  std::mt19937_64 random(1);
  const auto devices = available_devices();
  for (int i = 0; i < 1000; ++i) {
    const auto [small, large] = random_shapes(random);
    INFO(small.to_string() << " and " << large.to_string());
    const Tensor x = random_tensor(small, random()), z = random_tensor(large, random());
    for (const Device device : devices) {
      Tensor y = Tensor::full(large, 99, DType::f64, device), sum = Tensor::full(small, 99, DType::f64, device);
      kernels::broadcast_to(x.to(device), y);
      REQUIRE(same_bits(y.to(Device::cpu()), Tensor::from(broadcast_values(x, large), large)));
      kernels::sum_to(z.to(device), sum);
      REQUIRE(difference(sum.to(Device::cpu()), naive_sum_to(z, small), 1e-12, 1e-12) == "");
    }
  }
}

TEST_CASE("broadcast_to takes every element type", "[device]") {
  for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::i32, DType::i64, DType::u8}) {
    for (const Device device : available_devices()) {
      const Tensor x = Tensor::full({2, 1}, 3, dtype, device);
      Tensor y = Tensor::zeros({2, 5}, dtype, device);
      kernels::broadcast_to(x, y);
      CHECK(same_bits(y.to(Device::cpu()), Tensor::full({2, 5}, 3, dtype)));
    }
  }
}

TEST_CASE("sum_to gives the same bits for any number of threads and keeps the digits of long sums", "[device]") {
  const int before = num_threads();
  for (const Shape& shape : {Shape{}, Shape{11}, Shape{3, 1}, Shape{1, 1100}}) {
    const Shape large = shape == Shape{11}     ? Shape{50000, 11}
                        : shape == Shape{3, 1} ? Shape{3, 300000}
                                               : Shape{700, 1100};
    const Tensor x = random_tensor(large, 3, 0, 1, DType::f32);
    set_num_threads(1);
    Tensor expected = Tensor::empty(shape);
    kernels::sum_to(x, expected);
    CHECK(difference(expected, naive_sum_to(x, shape), 3e-6, 0) == "");
    for (const int threads : {2, 3, 8}) {
      set_num_threads(threads);
      Tensor sum = Tensor::empty(shape);
      kernels::sum_to(x, sum);
      CHECK(same_bits(sum, expected));
    }
    for (const Device device : available_devices()) {
      Tensor sum = Tensor::empty(shape, DType::f32, device);
      kernels::sum_to(x.to(device), sum);
      CHECK(difference(sum.to(Device::cpu()), naive_sum_to(x, shape), 3e-6, 0) == "");
    }
  }
  set_num_threads(before);
}

TEST_CASE("broadcasting kernels refuse what does not fit") {
  Tensor x = Tensor::zeros({2, 3}), y = Tensor::zeros({3, 3}), wide = Tensor::zeros({2, 3}, DType::f64);
  Tensor integers = Tensor::zeros({2, 3}, DType::i64), integer_sum = Tensor::zeros({3}, DType::i64);
  CHECK_THROWS_AS(kernels::broadcast_to(x, y), ShapeError);
  CHECK_THROWS_AS(kernels::broadcast_to(x, wide), DTypeError);
  CHECK_THROWS_AS(kernels::broadcast_to(Tensor(), y), ValueError);
  CHECK_THROWS_AS(kernels::sum_to(x, y), ShapeError);
  CHECK_THROWS_AS(kernels::sum_to(x, wide), DTypeError);
  CHECK_THROWS_AS(kernels::sum_to(integers, integer_sum), DTypeError);
}

}  // namespace divvy::test
