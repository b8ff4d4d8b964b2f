#include "kernels/unary.h"

#include <cmath>

#include "kernels/cpu/simd/elementary.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

constexpr int64_t kTile = 16384;

// The pragmas say that the output may be an input itself but not a shifted one, so that the loops may use the vector
// units; for these, every call must be inlined into them.

template <class T, class F>
[[gnu::flatten]] void map_tile(const T* x, T* y, int64_t begin, int64_t end, F f) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) y[i] = f(x[i]);
}

template <class T, class F>
[[gnu::flatten]] void chain_tile(const T* saved, const T* dy, T* dx, int64_t begin, int64_t end, F derivative) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) dx[i] = dy[i] * derivative(saved[i]);
}

/// y[i] = f(x[i]).
template <class T, class F>
void map(const Tensor& x, Tensor& y, const F& f) {
  const T* in = x.data<T>();
  T* out = y.mutable_data<T>();
  parallel_tiles(x.numel(), kTile, [=](int64_t begin, int64_t end) { map_tile(in, out, begin, end, f); });
}

/// dx[i] = dy[i] * derivative(saved[i]).
template <class T, class F>
void chain(const Tensor& saved, const Tensor& dy, Tensor& dx, const F& derivative) {
  const T *in = saved.data<T>(), *upstream = dy.data<T>();
  T* out = dx.mutable_data<T>();
  parallel_tiles(dy.numel(), kTile,
                 [=](int64_t begin, int64_t end) { chain_tile(in, upstream, out, begin, end, derivative); });
}

}  // namespace

void unary(Unary op, const Tensor& x, Tensor& y) {
  visit_floating(name_of(op), x.dtype(), [&]<class T>() {
    switch (op) {
      case Unary::exp: return map<T>(x, y, [](T v) { return elementary::exp(v); });
      case Unary::log: return map<T>(x, y, [](T v) { return elementary::log(v); });
      case Unary::sqrt: return map<T>(x, y, [](T v) { return std::sqrt(v); });
      case Unary::rsqrt: return map<T>(x, y, [](T v) { return T{1} / std::sqrt(v); });
      case Unary::abs: return map<T>(x, y, [](T v) { return std::abs(v); });
      case Unary::tanh: return map<T>(x, y, [](T v) { return elementary::tanh(v); });
      case Unary::sigmoid: return map<T>(x, y, [](T v) { return elementary::sigmoid(v); });
      case Unary::relu: return map<T>(x, y, [](T v) { return v < T{0} ? T{0} : v; });  // a NaN passes
      case Unary::gelu: return map<T>(x, y, [](T v) { return elementary::gelu(v); });
      case Unary::softplus: return map<T>(x, y, [](T v) { return elementary::softplus(v); });
      case Unary::erf: return map<T>(x, y, [](T v) { return elementary::erf(v); });
      case Unary::neg: return map<T>(x, y, [](T v) { return -v; });
      case Unary::square: return map<T>(x, y, [](T v) { return v * v; });
    }
  });
}

void unary_backward(Unary op, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
  const Tensor& saved = read_by_backward(op, x, y, dy);
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
      case Unary::gelu: return chain<T>(saved, dy, dx, [](T x) { return elementary::gelu_derivative(x); });
      case Unary::softplus: return chain<T>(saved, dy, dx, [](T y) { return -elementary::expm1(-y); });
      case Unary::erf: return chain<T>(saved, dy, dx, [](T x) { return elementary::erf_derivative(x); });
      case Unary::neg: return map<T>(dy, dx, [](T g) { return -g; });
      case Unary::square: return chain<T>(saved, dy, dx, [](T x) { return T{2} * x; });
    }
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
