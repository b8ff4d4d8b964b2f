#include "kernels/combine.h"

#include <random>
#include <vector>

#include "kernels/counting_sort.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

/// combine and its two gradients by the definition, one element at a time.
struct Naive {
  std::vector<double> y, drows, dweights;

  Naive(const Tensor& rows, const Tensor& weights, const Tensor& position, const Tensor& dy)
      : y(static_cast<size_t>(dy.numel()), 0),
        drows(static_cast<size_t>(rows.numel()), 0),
        dweights(static_cast<size_t>(weights.numel()), 0) {
    const auto k = static_cast<size_t>(weights.size(1)), cols = static_cast<size_t>(rows.size(1));
    const auto row = rows.values<double>(), weight = weights.values<double>(), upstream = dy.values<double>();
    const auto at = position.values<int64_t>();
    for (size_t i = 0; i < at.size(); ++i) {
      if (at[i] == -1) continue;
      for (size_t c = 0; c < cols; ++c) {
        const size_t from = static_cast<size_t>(at[i]) * cols + c, to = i / k * cols + c;
        y[to] += weight[i] * row[from];
        drows[from] += weight[i] * upstream[to];
        dweights[i] += row[from] * upstream[to];
      }
    }
  }
};

Tensor run(void (*kernel)(const Tensor&, const Tensor&, const Tensor&, Tensor&), const Tensor& a, const Tensor& b,
           const Tensor& c, const Shape& shape) {
  Tensor result = Tensor::full(shape, 99, DType::f64, a.device());  // what is not written shows
  kernel(a, b, c, result);
  return result.to(Device::cpu());
}

}  // namespace

TEST_CASE("combine and its gradients agree with the definition in 1,200 random cases", "[kernel][device]") {
  std::mt19937_64 random(2);
  for (uint64_t i = 0; i < 1200; ++i) {
    const auto pick = [&](int64_t low, int64_t high) {
      return std::uniform_int_distribution<int64_t>(low, high)(random);
    };
    const int64_t num_experts = i % 7 == 0 ? 1 : pick(1, 40), k = i % 5 == 0 ? num_experts : pick(0, 4);
    const int64_t samples = i % 11 == 0 ? 0 : pick(1, 60), cols = i % 13 == 0 ? 0 : pick(1, 40);
    // Skewed: a low expert takes most assignments, and others none; -1 is drawn too.
    std::vector<int64_t> chosen(static_cast<size_t>(samples * k));
    for (int64_t& expert : chosen) expert = pick(-1, pick(0, num_experts - 1));
    const auto sorted = kernels::counting_sort(Tensor::from(chosen, {samples, k}), num_experts);
    // Rows that no position names, as an expert that was evaluated for more samples than chose it has.
    const int64_t row_count = sorted.sample.numel() + (i % 3 == 0 ? pick(0, 5) : 0);

    const Tensor rows = random_tensor({row_count, cols}, 3 * i), weights = random_tensor({samples, k}, 3 * i + 1);
    const Tensor dy = random_tensor({samples, cols}, 3 * i + 2);
    const Naive naive(rows, weights, sorted.position, dy);
    INFO("case " << i << ": " << samples << " samples, " << num_experts << " experts, k = " << k << ", " << cols
                 << " columns");
    for (const Device device : available_devices()) {
      INFO(device.to_string());
      const Tensor on_rows = rows.to(device), on_weights = weights.to(device), on_dy = dy.to(device),
                   position = sorted.position.to(device);
      REQUIRE(difference(run(kernels::combine, on_rows, on_weights, position, dy.shape()),
                         Tensor::from(naive.y, dy.shape()), 1e-12, 1e-12) == "");
      REQUIRE(difference(run(kernels::combine_backward_rows, on_weights, position, on_dy, rows.shape()),
                         Tensor::from(naive.drows, rows.shape()), 1e-12, 1e-12) == "");
      REQUIRE(difference(run(kernels::combine_backward_weights, on_rows, position, on_dy, weights.shape()),
                         Tensor::from(naive.dweights, weights.shape()), 1e-12, 1e-12) == "");
    }
  }
}

TEST_CASE("combine_backward_rows of many bytes clears what no position names", "[kernel][device]") {
  const int64_t samples = 1500, k = 2, cols = 360;  // more than 8 MB
  std::vector<int64_t> at(static_cast<size_t>(samples * k));
  for (size_t i = 0; i < at.size(); ++i) at[i] = i % 7 == 3 ? -1 : static_cast<int64_t>(at.size() - 1 - i);
  const Tensor position = Tensor::from(at, {samples, k}), weights = random_tensor({samples, k}, 1),
               dy = random_tensor({samples, cols}, 2);
  Tensor expected = Tensor::zeros({samples * k, cols}, DType::f64);
  for (int64_t i = 0; i < samples * k; ++i) {
    for (int64_t c = 0; c < cols && at[static_cast<size_t>(i)] >= 0; ++c) {
      expected.mutable_data<double>()[at[static_cast<size_t>(i)] * cols + c] =
          weights.data<double>()[i] * dy.data<double>()[i / k * cols + c];
    }
  }
  for (const Device device : available_devices()) {
    INFO(device.to_string());
    CHECK(same_bits(
        run(kernels::combine_backward_rows, weights.to(device), position.to(device), dy.to(device), expected.shape()),
        expected));
  }
}

TEST_CASE("the kernels of combine on a device report a position out of range", "[kernel][device]") {
  for (const Device device : available_devices()) {
    if (device.is_cpu()) continue;
    const Tensor ones = Tensor::full({2, 2}, 1, DType::f64, device),
                 position = Tensor::from<int64_t>({0, -2, 2, 1}, {2, 2}).to(device);
    CHECK_THROWS_WITH(run(kernels::combine, ones, ones, position, {2, 2}),
                      "combine: a position is out of range, in a tensor on cuda:0");
    CHECK_THROWS_AS(run(kernels::combine_backward_rows, ones, position, ones, {2, 2}), ValueError);
    CHECK_THROWS_AS(run(kernels::combine_backward_weights, ones, position, ones, {2, 2}), ValueError);
  }
}

TEST_CASE("the kernels of combine refuse what does not fit", "[kernel]") {
  const Tensor rows = Tensor::zeros({3, 2}), weights = Tensor::zeros({2, 2}), dy = Tensor::zeros({2, 2});
  const Tensor position = Tensor::from<int64_t>({0, -1, 2, 1}, {2, 2}),
               twice = Tensor::from<int64_t>({0, 1, -1, 0}, {2, 2});
  Tensor y = Tensor::zeros({2, 2}), drows = Tensor::zeros({3, 2}), wrong = Tensor::zeros({2, 3});
  CHECK_NOTHROW(kernels::combine(rows, weights, position, y));
  CHECK_THROWS_AS(kernels::combine(rows, weights, position, wrong), ShapeError);
  CHECK_THROWS_AS(kernels::combine_backward_rows(weights, position, wrong, drows), ShapeError);
  CHECK_THROWS_AS(kernels::combine_backward_weights(rows, position, dy, wrong), ShapeError);
  CHECK_THROWS_AS(kernels::combine_backward_rows(weights, twice, dy, drows), ValueError);
  CHECK_THROWS_AS(kernels::combine_backward_weights(rows, twice, dy, y), ValueError);
  Tensor half = Tensor::zeros({2, 2}, DType::f64);
  CHECK_THROWS_AS(kernels::combine(rows, weights, position, half), DTypeError);
}

}  // namespace divvy::test
