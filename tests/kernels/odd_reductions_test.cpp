#include <array>

#include "kernels/batch_norm.h"
#include "kernels/clip.h"
#include "kernels/finite.h"
#include "kernels/metric_sums.h"
#include "kernels/pairwise_distance.h"
#include "kernels/reduce.h"
#include "kernels/route.h"
#include "kernels/softmax.h"
#include "kernels/softmax_cross_entropy.h"
#include "tests/kernels/odd_numbers.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using namespace kernels;
using Real = long double;

/// Results for a group by plain loops in long double.
struct Exact {
  Real sum = 0, magnitude = 0, max = 0, lse = 0, mean = 0, var = 0;
  int64_t argmax = 0;
  std::vector<Real> softmax, deviation;

  template <class T>
  explicit Exact(const std::vector<T>& values) {
    const auto n = static_cast<Real>(values.size());
    max = static_cast<Real>(values.front());
    for (size_t i = 0; i < values.size(); ++i) {
      const Real x = values[i];
      sum += x;
      magnitude += std::abs(x);
      if (x > max || (std::isnan(x) && !std::isnan(max))) max = x, argmax = static_cast<int64_t>(i);
    }
    mean = sum / n;
    Real squares = 0, exps = 0;
    for (const T x : values) {
      squares += (x - mean) * (x - mean);
      exps += std::exp(x - max);
    }
    var = squares / n;
    lse = std::isfinite(max) ? max + std::log(exps) : max;
    for (const T x : values) {
      softmax.push_back(std::exp(x - max) / exps);
      deviation.push_back(2 * (x - mean) / n);
    }
  }
};

/// The values beside others, for [outer, reduce, inner] = [2, n, inner].
template <class T>
Tensor packed(const std::vector<T>& values, int64_t inner, Device device) {
  const auto n = static_cast<int64_t>(values.size());
  Tensor x = Tensor::zeros({2, n, inner}, dtype_of<T>);
  for (int64_t r = 0; r < n; ++r) {
    for (int64_t o = 0; o < 2; ++o) {
      x.mutable_data<T>()[(o * n + r) * inner + inner - 1] = values[static_cast<size_t>(r)];
    }
  }
  return x.to(device);
}

template <class T>
void check_reductions(Device device, int64_t inner) {
  const double eps = std::numeric_limits<T>::epsilon();
  for (const auto& [name, values] : odd_groups<T>()) {
    const Tensor x = packed(values, inner, device);
    const Exact exact(values);
    const auto n = static_cast<int64_t>(values.size());
    INFO(name << ", inner size " << inner << ", " << name_of(x.dtype()));
    Tensor y = Tensor::zeros({2, inner}, x.dtype(), device), mean = Tensor::zeros_like(y);
    Tensor index = Tensor::zeros({2, inner}, DType::i64, device), dx = Tensor::zeros_like(x);
    const Tensor ones = Tensor::full({2, inner}, 1, x.dtype(), device);
    // The last column of both halves; what stands beside it are zeros.
    const auto expect = [&](const Tensor& got, Real expected, double relative, Real absolute) {
      const Tensor here = got.to(Device::cpu());
      for (const int64_t at : {inner - 1, 2 * inner - 1}) {
        const T value = here.data<T>()[at];
        INFO("got " << value << ", expected " << static_cast<double>(expected));
        CHECK(is_right(value, expected, relative, absolute));
      }
    };
    const auto expect_each = [&](const std::vector<Real>& expected, double relative, Real absolute) {
      const Tensor here = dx.to(Device::cpu());
      for (int64_t r = 0; r < n; ++r) {
        const T value = here.data<T>()[r * inner + inner - 1];
        INFO("element " << r << " got " << value << ", expected "
                        << static_cast<double>(expected[static_cast<size_t>(r)]));
        CHECK(is_right(value, expected[static_cast<size_t>(r)], relative, absolute));
      }
    };
    // Sums are taken in double: as good as the largest of the terms.
    const double sum_eps = std::numeric_limits<double>::epsilon() * static_cast<double>(n);
    const Real lost = std::isfinite(exact.magnitude) ? exact.magnitude * sum_eps : 0;
    reduce_sum(x, 1, y), expect(y, exact.sum, eps, lost);
    reduce_sum(x, static_cast<double>(n), y), expect(y, exact.mean, eps, lost / static_cast<Real>(n));
    reduce_max(x, y), expect(y, exact.max, 0, 0);
    reduce_argmax(x, index);
    CHECK(index.to(Device::cpu()).data<int64_t>()[inner - 1] == exact.argmax);
    reduce_logsumexp(x, y), expect(y, exact.lse, 4 * eps, 4 * eps);
    if (std::isfinite(exact.lse)) {
      reduce_logsumexp_backward(x, y, ones, dx);
      expect_each(exact.softmax, 400 * eps, 0);
    }
    // On a GPU variances of f64 are not scaled, see kernels/reduce.h.
    if (!device.is_cpu() && x.dtype() == DType::f64 && exact.magnitude > 1e154L) continue;
    reduce_var(x, 0, mean, y), expect(y, exact.var, 100 * eps, 0);
    if (!std::isfinite(exact.var)) continue;
    reduce_var_backward(x, mean, 0, ones, dx);
    // A distance is as good as the largest of them.
    expect_each(exact.deviation, 100 * eps, 1e-4L * std::sqrt(exact.var) / static_cast<Real>(n));
  }
}

template <class T>
void check_empty(Device device) {
  const Tensor none = Tensor::zeros({2, 0, 3}, dtype_of<T>, device);
  Tensor y = Tensor::zeros({2, 3}, none.dtype(), device), mean = Tensor::zeros_like(y);
  const auto all = [&](auto right) {
    for (const double value : y.to_doubles()) CHECK(right(value));
  };
  reduce_sum(none, 1, y), all([](double v) { return v == 0; });
  reduce_sum(none, 0, y), all([](double v) { return std::isnan(v); });
  reduce_logsumexp(none, y), all([](double v) { return v == -std::numeric_limits<double>::infinity(); });
  reduce_var(none, 0, mean, y), all([](double v) { return std::isnan(v); });
  CHECK_THROWS_AS(reduce_max(none, y), ValueError);
  const Tensor one = Tensor::full({2, 1, 3}, 7, none.dtype(), device);
  reduce_var(one, 0, mean, y), all([](double v) { return v == 0; });
  reduce_var(one, 1, mean, y), all([](double v) { return std::isnan(v); });
}

template <class T>
void check_softmax(Device device) {
  const double eps = std::numeric_limits<T>::epsilon();
  for (const auto& [name, given] : odd_groups<T>()) {
    for (const double temperature : {1e-300, 1e-39, 1e-31, 1e-30, 1e-13, 0.1, 1.0, 7.5, 1e9, 1e30, 1e31, 1e300}) {
      // Rows that are shorter and longer than the kernels' limits of short rows.
      const auto n = static_cast<int64_t>(given.size());
      const Tensor x = Tensor::from(given, {1, n}).to(device);
      INFO(name << " at temperature " << temperature << ", " << name_of(x.dtype()));
      Tensor p = Tensor::zeros_like(x), log_p = Tensor::zeros_like(x), dx = Tensor::zeros_like(x);
      Tensor experts = Tensor::zeros({1, 1}, DType::i64, device), weight = Tensor::zeros({1, 1}, x.dtype(), device);
      if (temperature < 1e-30 || temperature > 1e30) {
        CHECK_THROWS_AS(softmax(x, temperature, p), ValueError);
        CHECK_THROWS_AS(log_softmax(x, temperature, p), ValueError);
        CHECK_THROWS_AS(softmax_backward(x, x, temperature, dx), ValueError);
        CHECK_THROWS_AS(log_softmax_backward(x, x, temperature, dx), ValueError);
        CHECK_THROWS_AS(route_top_k(x, temperature, false, p, experts, weight), ValueError);
        continue;
      }
      Real max = -std::numeric_limits<Real>::infinity(), exps = 0;
      for (const T v : given) max = v > max || std::isnan(v) ? static_cast<Real>(v) : max;
      for (const T v : given) exps += std::exp((v - max) / temperature);
      softmax(x, temperature, p), log_softmax(x, temperature, log_p);
      route_top_k(x, temperature, false, dx, experts, weight);
      const Tensor got = p.to(Device::cpu()), logs = log_p.to(Device::cpu()), routed = dx.to(Device::cpu());
      for (int64_t c = 0; c < n; ++c) {
        // An exponent that is off by a rounding changes its power by that share.
        const Real z = (given[static_cast<size_t>(c)] - max) / temperature;
        const double share =
            eps * (20 + (std::isfinite(z) ? 2 * std::min<double>(1000, std::abs(static_cast<double>(z))) : 0));
        INFO("entry " << c << ": " << got.data<T>()[c] << " and " << logs.data<T>()[c] << " for "
                      << static_cast<double>(std::exp(z) / exps));
        CHECK(is_right(got.data<T>()[c], std::exp(z) / exps, share, std::numeric_limits<T>::min()));
        CHECK(is_right(routed.data<T>()[c], std::exp(z) / exps, share, std::numeric_limits<T>::min()));
        CHECK(is_right(logs.data<T>()[c], z - std::log(exps), 4 * eps, 4 * eps));
      }
      if (std::isnan(exps)) continue;
      const Tensor ones = Tensor::full(x.shape(), 1, x.dtype(), device);
      softmax_backward(p, ones, temperature, dx);
      for (const double value : dx.to_doubles()) CHECK(std::abs(value) <= 100 * eps / std::min(1.0, temperature));
    }
  }
}

template <class T>
void check_cross_entropy(Device device) {
  const double eps = std::numeric_limits<T>::epsilon();
  for (const auto& [name, given] : odd_groups<T>()) {
    const auto n = static_cast<int64_t>(given.size());
    const Exact exact(given);
    const Tensor x = Tensor::from(given, {1, n}).to(device), one = Tensor::full({1}, 1, x.dtype(), device);
    for (const int64_t at : {int64_t{0}, n - 1}) {
      INFO(name << ", label " << at << ", " << name_of(x.dtype()));
      const Tensor label = Tensor::from<int64_t>({at}).to(device);
      Tensor loss = Tensor::zeros({1}, x.dtype(), device), dx = Tensor::zeros_like(x);
      softmax_cross_entropy(x, label, loss);
      softmax_cross_entropy_backward(x, label, one, dx);
      const T got = loss.to(Device::cpu()).template data<T>()[0];
      const bool undefined = !(exact.max < std::numeric_limits<Real>::infinity()) || std::isinf(exact.lse);
      const Real own = given[static_cast<size_t>(at)];
      // The sum over the others, not the rounded logarithm of all, so that far numbers lose no digits.
      const Real expected = undefined
                                ? std::numeric_limits<Real>::quiet_NaN()
                                : std::log(1 / exact.softmax[static_cast<size_t>(exact.argmax)]) + (exact.max - own);
      INFO("got " << got << ", expected " << static_cast<double>(expected));
      CHECK(is_right(got, expected, 8 * eps, 8 * eps));
      if (undefined) continue;
      for (int64_t c = 0; c < n; ++c) {
        const Real slope = exact.softmax[static_cast<size_t>(c)] - (c == at ? 1 : 0);
        CHECK(is_right(dx.to(Device::cpu()).template data<T>()[c], slope, 400 * eps, 8 * eps));
      }
    }
  }
}

template <class T>
void check_distances(Device device) {
  const double eps = std::numeric_limits<T>::epsilon();
  for (const auto& [name, given] : odd_groups<T>()) {
    const auto n = static_cast<int64_t>(given.size());
    std::vector<T> rows(given.rbegin(), given.rend());
    rows.insert(rows.end(), given.begin(), given.end());
    const Tensor x = Tensor::from(rows, {2, n}).to(device);
    Tensor apart = Tensor::zeros({2, 2}, x.dtype(), device), dx = Tensor::zeros_like(x);
    pairwise_distance(x, apart);
    Real squares = 0;
    for (int64_t c = 0; c < n; ++c) {
      const Real d =
          static_cast<Real>(rows[static_cast<size_t>(c)]) - static_cast<Real>(rows[static_cast<size_t>(n + c)]);
      squares += d * d;
    }
    const Real exact = std::sqrt(squares);
    const Tensor got = apart.to(Device::cpu());
    INFO(name << ", " << name_of(x.dtype()) << ": " << got.data<T>()[1] << ", expected " << static_cast<double>(exact));
    CHECK(is_right(got.data<T>()[1], exact, 100 * eps));
    CHECK(got.data<T>()[0] == 0);
    if (!std::isfinite(exact)) continue;
    pairwise_distance_backward(x, apart, Tensor::full({2, 2}, 1, x.dtype(), device), dx);
    // Of denormals a GPU gives what fits into the quotient.
    if (!device.is_cpu() && (exact < 1e-30L || exact > 1e30L)) continue;
    for (int64_t c = 0; c < n; ++c) {
      const Real d =
          static_cast<Real>(rows[static_cast<size_t>(c)]) - static_cast<Real>(rows[static_cast<size_t>(n + c)]);
      const T slope = dx.to(Device::cpu()).template data<T>()[c];
      INFO("column " << c << ": " << slope);
      CHECK(
          is_right(slope, exact == 0 ? 0 : 2 * d / exact, 200 * eps, exact < std::numeric_limits<T>::min() ? 0.5L : 0));
    }
  }
}

template <class T>
void check_batch_norm(Device device) {
  const double eps = std::numeric_limits<T>::epsilon(), added = 1e-5;
  for (const auto& [name, given] : odd_groups<T>()) {
    const auto n = static_cast<int64_t>(given.size());
    if (n < 2) continue;
    const Tensor x = Tensor::from(given, {n, 1}).to(device), one = Tensor::full({1, 1}, 1, x.dtype(), device);
    BatchNormStatistics running{Tensor::zeros({1, 1}, x.dtype(), device), one.clone()};
    BatchNormResult result{Tensor::zeros_like(x), Tensor::zeros({1, 1}, DType::f64, device),
                           Tensor::zeros({1, 1}, DType::f64, device)};
    batch_norm(x, one, Tensor::zeros({1, 1}, x.dtype(), device), running, {.eps = added}, {}, result);
    const Exact exact(given);
    const Real deviation = std::sqrt(exact.var + added);
    if (!device.is_cpu() && std::is_same_v<T, double> && std::abs(exact.magnitude) > 1e150L) continue;
    INFO(name << ", " << name_of(x.dtype()));
    BatchNormGradients gradients{Tensor::zeros_like(x), Tensor::zeros_like(one), Tensor::zeros_like(one)};
    std::vector<T> upstream;
    Real total = 0, along = 0;
    for (int64_t i = 0; i < n; ++i) {
      upstream.push_back(static_cast<T>(i % 2 == 0 ? 1 : -0.5));
      total += upstream.back();
      along += upstream.back() * (given[static_cast<size_t>(i)] - exact.mean) / deviation;
    }
    batch_norm_backward(x, one, result, Tensor::from(upstream, {n, 1}).to(device), true, {}, gradients);
    const Tensor got = result.y.to(Device::cpu());
    for (int64_t i = 0; i < n; ++i) {
      const Real value = given[static_cast<size_t>(i)], expected = (value - exact.mean) / deviation;
      INFO("element " << i << ": " << got.data<T>()[i] << ", expected " << static_cast<double>(expected));
      // The statistics are doubles, so that f64 is off by the rounding of the mean.
      const Real lost = std::isfinite(exact.mean) ? std::abs(exact.mean) * 4e-16L / deviation : 0;
      CHECK(is_right(got.data<T>()[i], expected, 20 * eps, 20 * eps + lost));
    }
    if (!std::isfinite(exact.var)) continue;
    const double blended = 0.1 * static_cast<double>(exact.mean);
    CHECK(is_right(running.mean.to(Device::cpu()).template data<T>()[0], blended, 10 * eps,
                   1e-12L * std::sqrt(exact.var)));
    // What the rounding of the mean is beside the deviation.
    const Real lost = 4e-16L * std::abs(exact.mean) / deviation;
    CHECK(is_right(gradients.dgamma.to(Device::cpu()).template data<T>()[0], along, 20 * eps,
                   static_cast<Real>(n) * (20 * eps + lost)));
    const Tensor dx = gradients.dx.to(Device::cpu());
    for (int64_t i = 0; i < n; ++i) {
      const Real z = (given[static_cast<size_t>(i)] - exact.mean) / deviation, count = static_cast<Real>(n);
      const Real slope = (upstream[static_cast<size_t>(i)] - total / count - z * along / count) / deviation;
      INFO("element " << i << ": " << dx.data<T>()[i] << ", expected " << static_cast<double>(slope));
      CHECK(is_right(dx.data<T>()[i], slope, 50 * eps, (100 * eps + 4 * lost) / deviation));
    }
  }
}

}  // namespace

TEST_CASE("reductions of odd numbers", "[kernel][device]") {
  on_every_device([](Device device) {
    for (const int64_t inner : {1, 3}) check_reductions<float>(device, inner), check_reductions<double>(device, inner);
    check_empty<float>(device), check_empty<double>(device);
  });
}

TEST_CASE("softmax, its logarithm and routing of odd numbers at odd temperatures", "[kernel][device]") {
  on_every_device([](Device device) { check_softmax<float>(device), check_softmax<double>(device); });
}

TEST_CASE("cross-entropy of odd numbers", "[kernel][device]") {
  on_every_device([](Device device) { check_cross_entropy<float>(device), check_cross_entropy<double>(device); });
}

TEST_CASE("pairwise distances of odd numbers", "[kernel][device]") {
  on_every_device([](Device device) { check_distances<float>(device), check_distances<double>(device); });
}

TEST_CASE("batch normalization of odd numbers", "[kernel][device]") {
  on_every_device([](Device device) { check_batch_norm<float>(device), check_batch_norm<double>(device); });
}

TEST_CASE("norms, clipping, metrics and watching of odd numbers", "[kernel][device]") {
  on_every_device([](Device device) {
    for (const auto& [name, given] : odd_groups<float>()) {
      INFO(name);
      const auto n = static_cast<int64_t>(given.size());
      Tensor x = Tensor::from(given, {n}).to(device);
      Real squares = 0;
      bool finite = true;
      for (const float v : given) squares += static_cast<Real>(v) * v, finite = finite && std::isfinite(v);
      const double got = squared_norm(x);
      CHECK(is_right(got, squares, 1e-12));
      CHECK((first_non_finite(x) < 0) == finite);
      Tensor norms = Tensor::from({got}).to(device), factor = Tensor::zeros({}, DType::f64, device);
      clip_factor(norms, 2, factor);
      CHECK((std::isnan(got) ? factor.item() == 1 : factor.item() >= 0 && factor.item() <= 1));
      scale_by(x, factor);
      if (finite) CHECK(std::sqrt(squared_norm(x)) <= 2.0001);
      Tensor count = Tensor::zeros({}, DType::i64, device), sums = Tensor::zeros({2, 1}, DType::f64, device);
      const Tensor rows = Tensor::from(given, {1, n}).to(device), first = Tensor::from<int64_t>({0}).to(device);
      count_correct(rows, first, count);
      CHECK((count.item() == 0 || count.item() == 1));
      const Tensor value = Tensor::from({given.front()}).to(device);
      accumulate_metrics(std::array{value}, std::array{0.5}, sums);
      const Tensor here = sums.to(Device::cpu());
      CHECK(is_right(here.data<double>()[0], static_cast<Real>(given.front()) / 2, 0));
    }
  });
}

}  // namespace divvy::test
