#include "kernels/unary.h"

#include <cmath>
#include <numbers>

#include "tensor/parallel.h"

namespace divvy::kernels::cpu {

namespace {

constexpr int64_t kTile = 16384;

/// y[i] = f(x[i]). The pragma says that y may be x itself but not a shifted x, so the loop may use the vector units.
template <class T, class F>
void map(const Tensor& x, Tensor& y, const F& f) {
  const T* in = x.data<T>();
  T* out = y.mutable_data<T>();
  parallel_tiles(x.numel(), kTile, [=](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) out[i] = f(in[i]);
  });
}

/// dx[i] = dy[i] * derivative(saved[i]).
template <class T, class F>
void chain(const Tensor& saved, const Tensor& dy, Tensor& dx, const F& derivative) {
  const T *value = saved.data<T>(), *upstream = dy.data<T>();
  T* out = dx.mutable_data<T>();
  parallel_tiles(dy.numel(), kTile, [=](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) out[i] = upstream[i] * derivative(value[i]);
  });
}

/// The distribution function of the standard normal distribution; erfc keeps the digits of its lower tail.
template <class T>
T normal_cdf(T x) {
  return T{0.5} * std::erfc(-x * static_cast<T>(std::numbers::sqrt2 / 2));
}

template <class T>
T normal_density(T x) {
  constexpr T scale = static_cast<T>(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
  return scale * std::exp(T{-0.5} * x * x);
}

template <class T>
T gelu_derivative(T x) {
  // The density underflows long before x is infinite, and 0 * infinity would be a NaN.
  const T density = normal_density(x);
  return normal_cdf(x) + (density == T{0} ? T{0} : x * density);
}

template <class T>
T sigmoid(T x) {
  const T z = std::exp(-std::abs(x));  // never overflows
  return (x >= T{0} ? T{1} : z) / (T{1} + z);
}

template <class T>
T softplus(T x) {
  return (x > T{0} ? x : T{0}) + std::log1p(std::exp(-std::abs(x)));
}

}  // namespace

void unary(Unary op, const Tensor& x, Tensor& y) {
  visit_floating(name_of(op), x.dtype(), [&]<class T>() {
    switch (op) {
      case Unary::exp: return map<T>(x, y, [](T v) { return std::exp(v); });
      case Unary::log: return map<T>(x, y, [](T v) { return std::log(v); });
      case Unary::sqrt: return map<T>(x, y, [](T v) { return std::sqrt(v); });
      case Unary::rsqrt: return map<T>(x, y, [](T v) { return T{1} / std::sqrt(v); });
      case Unary::abs: return map<T>(x, y, [](T v) { return std::abs(v); });
      case Unary::tanh: return map<T>(x, y, [](T v) { return std::tanh(v); });
      case Unary::sigmoid: return map<T>(x, y, [](T v) { return sigmoid(v); });
      case Unary::relu: return map<T>(x, y, [](T v) { return v < T{0} ? T{0} : v; });  // a NaN passes
      case Unary::gelu: return map<T>(x, y, [](T v) { return v == -INFINITY ? T{0} : v * normal_cdf(v); });
      case Unary::softplus: return map<T>(x, y, [](T v) { return softplus(v); });
      case Unary::erf: return map<T>(x, y, [](T v) { return std::erf(v); });
      case Unary::neg: return map<T>(x, y, [](T v) { return -v; });
      case Unary::square: return map<T>(x, y, [](T v) { return v * v; });
    }
  });
}

void unary_backward(Unary op, const Tensor& saved, const Tensor& dy, Tensor& dx) {
  constexpr double kErfSlope = 2 * std::numbers::inv_sqrtpi;
  visit_floating(name_of(op), dy.dtype(), [&]<class T>() {
    switch (op) {
      case Unary::exp: return chain<T>(saved, dy, dx, [](T y) { return y; });
      case Unary::log: return chain<T>(saved, dy, dx, [](T x) { return T{1} / x; });
      case Unary::sqrt: return chain<T>(saved, dy, dx, [](T y) { return T{0.5} / y; });
      case Unary::rsqrt: return chain<T>(saved, dy, dx, [](T y) { return T{-0.5} * y * y * y; });
      case Unary::abs:
        return chain<T>(saved, dy, dx, [](T x) { return static_cast<T>(x > T{0}) - static_cast<T>(x < T{0}); });
      case Unary::tanh: return chain<T>(saved, dy, dx, [](T y) { return (T{1} - y) * (T{1} + y); });
      case Unary::sigmoid: return chain<T>(saved, dy, dx, [](T y) { return y * (T{1} - y); });
      case Unary::relu: return chain<T>(saved, dy, dx, [](T y) { return y > T{0} ? T{1} : T{0}; });
      case Unary::gelu: return chain<T>(saved, dy, dx, [](T x) { return gelu_derivative(x); });
      case Unary::softplus: return chain<T>(saved, dy, dx, [](T y) { return -std::expm1(-y); });
      case Unary::erf: return chain<T>(saved, dy, dx, [](T x) { return static_cast<T>(kErfSlope) * std::exp(-x * x); });
      case Unary::neg: return map<T>(dy, dx, [](T g) { return -g; });
      case Unary::square: return chain<T>(saved, dy, dx, [](T x) { return T{2} * x; });
    }
  });
}

}  // namespace divvy::kernels::cpu
