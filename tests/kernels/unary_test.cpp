#include "kernels/unary.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

using namespace kernels::elementwise;
using kernels::Unary;
using Function = long double (*)(long double);

long double exact_gelu(long double x) { return x / 2 * std::erfc(-x / std::numbers::sqrt2_v<long double>); }

long double exact_gelu_derivative(long double x) {
  const long double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi_v<long double>);
  return std::erfc(-x / std::numbers::sqrt2_v<long double>) / 2 + x * density;
}

/// How far a result is from the exact value, in units of its last place; 0 for an equal special value.
template <class T>
double ulps(T got, long double exact) {
  const T nearest = static_cast<T>(exact);
  if (got == nearest || (std::isnan(got) && std::isnan(exact))) return 0;
  if (!std::isfinite(got) || !std::isfinite(nearest)) return std::numeric_limits<double>::infinity();
  int exponent = 0;
  std::frexp(std::max<long double>(std::abs(exact), std::numeric_limits<T>::min()), &exponent);
  const long double unit = std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(std::abs(static_cast<long double>(got) - exact) / unit);
}

/// Random numbers in [low, high), a quarter of them scaled down by up to 2^40, and 0.
template <class T>
Tensor arguments(double low, double high) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<T> values{T{0}};
  for (int i = 1; i < 50000; ++i) {
    const double scale = i % 4 == 0 ? std::ldexp(1.0, -static_cast<int>(random() % 41)) : 1;
    values.push_back(static_cast<T>(std::clamp(uniform(random) * scale, low, high)));
  }
  return Tensor::from(values, Shape{static_cast<int64_t>(values.size())});
}

template <class T>
void check_ulps(const Tensor& x, const Tensor& y, Function exact, double limit) {
  double worst = 0;
  T at = 0;
  for (size_t i = 0; i < x.values<T>().size(); ++i) {
    const T argument = x.values<T>()[i];
    const double off = ulps(y.values<T>()[i], exact(static_cast<long double>(argument)));
    if (!(off <= worst)) worst = off, at = argument;
  }
  INFO(name_of(x.dtype()) << ", worst at " << at);
  CHECK(worst <= limit);
}

std::vector<Unary> all_operations() {
  std::vector<Unary> all;
  for (int i = 0; i < UnaryList::size; ++i) UnaryList::visit(i, [&]<class F>() { all.push_back(F()); });
  return all;
}

struct Range {
  Unary op;
  Function exact;
  double low, high;
  double limit;  ///< in units of the last place
};

template <class T>
void check_values(const Range& range, Device device) {
  const Tensor x = arguments<T>(range.low, range.high), there = x.to(device);
  Tensor y = Tensor::empty_like(there);
  kernels::unary(range.op, there, y);
  INFO(range.op.name << " on [" << range.low << ", " << range.high << ")");
  check_ulps<T>(x, y.to(Device::cpu()), range.exact, range.limit);
}

template <class T>
void check_derivatives(const Range& range, Device device) {
  const Tensor x = arguments<T>(range.low, range.high), there = x.to(device);
  Tensor saved = there, dx = Tensor::empty_like(there);
  if (range.op.reads == Reads::y) {
    saved = Tensor::empty_like(there);
    kernels::unary(range.op, there, saved);
  }
  kernels::unary_backward(range.op, saved, saved, Tensor::full(x.shape(), 1, x.dtype(), device), dx);
  INFO(range.op.name << "' on [" << range.low << ", " << range.high << ")");
  check_ulps<T>(x, dx.to(Device::cpu()), range.exact, range.limit);
}

}  // namespace

TEST_CASE("unary functions are exact to a few units in the last place", "[device]") {
  const Range ranges[] = {
      {Exp(), [](long double x) { return std::exp(x); }, -120, 95, 2},
      {Exp(), [](long double x) { return std::exp(x); }, -760, 720, 2},
      {Log(), [](long double x) { return std::log(x); }, 0, 10, 1.5},
      {Log(), [](long double x) { return std::log(x); }, 0.9, 1.1, 1.5},
      {Log(), [](long double x) { return std::log(x); }, 0, 1e-40, 1.5},
      {Log(), [](long double x) { return std::log(x); }, 0, 1e-308, 1.5},
      {Log(), [](long double x) { return std::log(x); }, 0, 1e308, 1.5},
      {Sqrt(), [](long double x) { return std::sqrt(x); }, 0, 10, 0.51},
      {Rsqrt(), [](long double x) { return 1 / std::sqrt(x); }, 1e-30, 10, 1.6},
      {Tanh(), [](long double x) { return std::tanh(x); }, -50, 50, 3},
      {Tanh(), [](long double x) { return std::tanh(x); }, -2, 2, 3},
      {Sigmoid(), [](long double x) { return 1 / (1 + std::exp(-x)); }, -50, 50, 3},
      {Sigmoid(), [](long double x) { return 1 / (1 + std::exp(-x)); }, -760, 100, 3},
      {Softplus(), [](long double x) { return std::log1p(std::exp(x)); }, -50, 50, 3},
      {Softplus(), [](long double x) { return std::log1p(std::exp(x)); }, -760, 100, 3},
      {Sin(), [](long double x) { return std::sin(x); }, -50, 50, 2},
      {Sin(), [](long double x) { return std::sin(x); }, -1e30, 1e30, 2},
      {Cos(), [](long double x) { return std::cos(x); }, -50, 50, 2},
      {Cos(), [](long double x) { return std::cos(x); }, -1e30, 1e30, 2},
      {Erf(), [](long double x) { return std::erf(x); }, -8, 8, 4},
      {Erf(), [](long double x) { return std::erf(x); }, -1, 1, 4},
      {Gelu(), exact_gelu, -3, 3, 10},
      {Gelu(), exact_gelu, -12, 45, 10},  // below, its factors are denormal first
  };
  for (const Device device : available_devices()) {
    for (const Range& range : ranges) {
      INFO(device.to_string());
      check_values<float>(range, device);
      check_values<double>(range, device);
    }
  }
}

TEST_CASE("derivatives of unary functions are exact to a few units in the last place", "[device]") {
  const Range ranges[] = {
      {Erf(), [](long double x) { return 2 / std::sqrt(std::numbers::pi_v<long double>) * std::exp(-x * x); }, -40, 40,
       3},
      {Sin(), [](long double x) { return std::cos(x); }, -50, 50, 2},
      {Cos(), [](long double x) { return -std::sin(x); }, -50, 50, 2},
      {Softplus(), [](long double x) { return 1 / (1 + std::exp(-x)); }, -50, 50, 5},
      {Gelu(), exact_gelu_derivative, -0.5, 20, 10},
      {Gelu(), exact_gelu_derivative, -12, -1, 40},  // it crosses 0 at -0.75
  };
  for (const Device device : available_devices()) {
    for (const Range& range : ranges) {
      INFO(device.to_string());
      check_derivatives<float>(range, device);
      check_derivatives<double>(range, device);
    }
  }
}

TEST_CASE("a number gives the same result wherever it stands in a tensor", "[device]") {
  for (const Device device : available_devices()) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor x = random_tensor({67}, 1, 0.01, 4, dtype).to(device);
      const Tensor dy = random_tensor({67}, 2, -1, 1, dtype).to(device);
      for (const Unary& op : all_operations()) {
        INFO(op.name << " " << name_of(dtype));
        Tensor y = Tensor::empty_like(x), dx = Tensor::empty_like(x);
        kernels::unary(op, x, y);
        kernels::unary_backward(op, x, y, dy, dx);
        for (int64_t i = 0; i < x.numel(); ++i) {
          Tensor alone = Tensor::empty({1}, dtype, device), dx_alone = Tensor::empty({1}, dtype, device);
          kernels::unary(op, x.slice(i, i + 1), alone);
          REQUIRE(same_bits(alone.to(Device::cpu()), y.slice(i, i + 1).to(Device::cpu())));
          kernels::unary_backward(op, x.slice(i, i + 1), alone, dy.slice(i, i + 1), dx_alone);
          REQUIRE(same_bits(dx_alone.to(Device::cpu()), dx.slice(i, i + 1).to(Device::cpu())));
        }
      }
    }
  }
}

TEST_CASE("unary kernels work in place", "[device]") {
  for (const Device device : available_devices()) {
    const Tensor x = random_tensor({33001}, 1, 0.5, 2).to(device), dy = random_tensor({33001}, 2).to(device);
    for (const Unary& op : all_operations()) {
      INFO(op.name << " on " << device.to_string());
      Tensor y = Tensor::empty_like(x), dx = Tensor::empty_like(x), in_place = x.clone(), gradient = dy.clone();
      kernels::unary(op, x, y);
      kernels::unary(op, in_place, in_place);
      CHECK(same_bits(in_place.to(Device::cpu()), y.to(Device::cpu())));
      kernels::unary_backward(op, x, y, dy, dx);
      kernels::unary_backward(op, x, y, gradient, gradient);
      CHECK(same_bits(gradient.to(Device::cpu()), dx.to(Device::cpu())));
    }
  }
}

TEST_CASE("unary kernels refuse what does not fit") {
  const Tensor x = Tensor::zeros({3});
  Tensor y = Tensor::zeros({3}), longer = Tensor::zeros({4}), wide = Tensor::zeros({3}, DType::f64), none;
  CHECK_THROWS_AS(kernels::unary(Exp(), x, longer), ShapeError);
  CHECK_THROWS_AS(kernels::unary(Exp(), x, wide), DTypeError);
  CHECK_THROWS_AS(kernels::unary(Exp(), none, y), ValueError);
  CHECK_THROWS_AS(kernels::unary_backward(Exp(), x, none, x, y), ValueError);
  CHECK_THROWS_AS(kernels::unary_backward(Log(), longer, x, x, y), ShapeError);
  CHECK_THROWS_AS(kernels::unary_backward(Log(), x, x, x, wide), DTypeError);
  kernels::unary_backward(Exp(), none, x, x, y);  // reads y only
  kernels::unary_backward(Neg(), none, none, x, y);
}

}  // namespace divvy::test
