#include "tests/support/compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

#include "tensor/error.h"

namespace divvy::test {

namespace {

Tensor from_doubles(const std::vector<double>& values, const Shape& shape, DType dtype) {
  if (dtype == DType::f64) return Tensor::from(values, shape);
  return Tensor::from(std::vector<float>(values.begin(), values.end()), shape);
}

}  // namespace

Tensor random_tensor(const Shape& shape, uint64_t seed, double low, double high, DType dtype) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (double& value : values) value = uniform(random);
  return from_doubles(values, shape, dtype);
}

Tensor distinct_tensor(const Shape& shape, uint64_t seed, double gap, DType dtype) {
  std::mt19937_64 random(seed);
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = gap * (static_cast<double>(i) + 1) * (random() % 2 == 0 ? 1.0 : -1.0);
  }
  std::shuffle(values.begin(), values.end(), random);
  return from_doubles(values, shape, dtype);
}

Tensor random_indices(const Shape& shape, int64_t limit, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<int64_t> values(static_cast<size_t>(shape.numel()));
  for (int64_t& value : values) value = std::uniform_int_distribution<int64_t>(0, limit - 1)(random);
  return Tensor::from(values, shape);
}

Tensor random_offsets(int64_t rows, int64_t experts, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> weights(static_cast<size_t>(experts));
  for (double& weight : weights) weight = random() % 3 == 0 ? 0.0 : static_cast<double>(random() % 100 + 1);
  if (std::accumulate(weights.begin(), weights.end(), 0.0) == 0) weights.back() = 1;
  std::vector<int64_t> offsets(static_cast<size_t>(experts) + 1, 0);
  std::discrete_distribution<size_t> expert(weights.begin(), weights.end());
  for (int64_t row = 0; row < rows; ++row) ++offsets[expert(random) + 1];
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  return Tensor::from(offsets, Shape{experts + 1});
}

std::string difference(const Tensor& a, const Tensor& b, double rtol, double atol) {
  if (a.shape() != b.shape()) return fmt::format("shapes {} and {}", a.shape(), b.shape());
  const auto x = a.to_doubles(), y = b.to_doubles();
  size_t off = 0, worst = 0;
  double worst_excess = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool same_special = (std::isnan(x[i]) && std::isnan(y[i])) || x[i] == y[i];
    if (same_special || std::abs(x[i] - y[i]) <= atol + rtol * std::abs(y[i])) continue;
    ++off;
    const double excess = std::abs(x[i] - y[i]) / (atol + rtol * std::abs(y[i]));
    if (off == 1 || excess > worst_excess) worst = i, worst_excess = excess;
  }
  if (off == 0) return "";
  return fmt::format("{} of {} elements of {} differ; worst [{}]: {:.9g}, expected {:.9g}", off, x.size(), a.shape(),
                     worst, x[worst], y[worst]);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Tensor x = a.to(Device::cpu()), y = b.to(Device::cpu());
  return std::memcmp(x.bytes(), y.bytes(), static_cast<size_t>(x.nbytes())) == 0;
}

Tensor converted(const Tensor& t, DType dtype) { return from_doubles(t.to_doubles(), t.shape(), dtype); }

}  // namespace divvy::test
