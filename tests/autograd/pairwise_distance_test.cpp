#include "autograd/ops/pairwise_distance.h"

#include <cmath>

#include "tensor/error.h"
#include "tests/support/devices.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

Tensor naive_distance(const Tensor& x) {
  const int64_t rows = x.size(0), cols = x.shape().range(1).numel();
  Tensor y = Tensor::zeros({rows, rows}, DType::f64);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < rows; ++j) {
      double sum = 0;
      for (int64_t c = 0; c < cols; ++c) {
        const double difference = x.data<double>()[i * cols + c] - x.data<double>()[j * cols + c];
        sum += difference * difference;
      }
      y.mutable_data<double>()[i * rows + j] = std::sqrt(sum);
    }
  }
  return y;
}

OpCase distance_case() {
  const Shape shapes[] = {{1},    {4},     {0},     {0, 3},  {3, 0},    {1, 1},       {1, 5},   {2, 1},     {2, 2},
                          {5, 3}, {7, 16}, {9, 17}, {8, 33}, {3, 2, 4}, {4, 1, 3, 3}, {17, 40}, {25, 1500}, {6, 2049}};
  OpCase result;
  uint64_t seed = 1;
  for (const Shape& shape : shapes) {
    result.samples.push_back({shape.to_string(),
                              {shape.numel() > 500 ? random_tensor(shape, seed) : distinct_tensor(shape, seed, 0.1)},
                              [](const auto& in) { return pairwise_distance(in[0]); },
                              [](const auto& in) { return naive_distance(in[0]); }});
    ++seed;
  }
  result.errors = {
      refuses<ShapeError>(
          "a scalar", [] { pairwise_distance(Variable(Tensor::scalar(1))); }, "rank 1 or more, got []"),
      refuses<DTypeError>(
          "integers",
          [] {
            pairwise_distance(Variable(Tensor::zeros({2, 2}, DType::u8)));
          },
          "f32 or f64"),
      refuses<ValueError>(
          "no variable", [] { pairwise_distance(Variable()); }, "undefined"),
  };
  return result;
}

}  // namespace

TEST_CASE("pairwise_distance", "[op]") { check(distance_case()); }

TEST_CASE("pairwise_distance is symmetric to the bit, with a diagonal of 0", "[device]") {
  constexpr int64_t kRows = 37;
  const Tensor x = random_tensor({kRows, 1100}, 1, -1, 1, DType::f32);
  for (const Device device : available_devices()) {
    const Tensor y = pairwise_distance(Variable(x.to(device))).value().to(Device::cpu());
    int64_t wrong = 0;
    for (int64_t i = 0; i < kRows; ++i) {
      wrong += y.data<float>()[i * kRows + i] != 0;
      for (int64_t j = 0; j < i; ++j) wrong += y.data<float>()[i * kRows + j] != y.data<float>()[j * kRows + i];
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("pairwise_distance of several tiles is alike on each device", "[device]") {
  for (const Shape& shape : {Shape{33, 65}, Shape{70, 3, 50}, Shape{100, 7}}) {
    const Variable x(random_tensor(shape, 1), true);
    const Variable y = pairwise_distance(x);
    const Tensor dy = random_tensor(y.shape(), 2);
    backward(y, dy);
    for (const Device device : available_devices()) {
      const Variable there(x.value().to(device), true);
      const Variable z = pairwise_distance(there);
      backward(z, dy.to(device));
      CHECK(difference(z.value().to(Device::cpu()), y.value(), 1e-13, 1e-14) == "");
      CHECK(difference(there.grad().to(Device::cpu()), x.grad(), 1e-12, 1e-12) == "");
    }
  }
}

TEST_CASE("pairwise_distance tells near neighbors far from the origin apart", "[device]") {
  const Tensor x = Tensor::from<float>({1000, 1000, 1000.25, 1000, 1000, 1000.5}, {3, 2});
  const Tensor expected =
      Tensor::from<double>({0, 0.25, 0.5, 0.25, 0, std::sqrt(0.3125), 0.5, std::sqrt(0.3125), 0}, {3, 3});
  for (const Device device : available_devices()) {
    const Tensor y = pairwise_distance(Variable(x.to(device))).value();
    CHECK(difference(y.to(Device::cpu()), expected, 1e-7, 0) == "");
  }
}

TEST_CASE("equal rows have the distance 0 and give each other no gradient", "[device]") {
  for (const Device device : available_devices()) {
    const Variable x(Tensor::from({1., 2., 1., 2., 4., 6.}, {3, 2}).to(device), true);
    const Variable y = pairwise_distance(x);
    backward(y, Tensor::full({3, 3}, 1, DType::f64, device));
    CHECK(y.value().to_doubles() == std::vector<double>{0, 0, 5, 0, 0, 5, 5, 5, 0});
    const Tensor expected = Tensor::from({-1.2, -1.6, -1.2, -1.6, 2.4, 3.2}, {3, 2});
    CHECK(difference(x.grad().to(Device::cpu()), expected, 1e-15, 0) == "");
  }
}

}  // namespace divvy::test
