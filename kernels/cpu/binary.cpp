#include "kernels/binary.h"

#include <cmath>

#include "kernels/cpu/strided.h"
#include "kernels/cpu/target.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

// Where a comparison with a NaN is false, the NaN is what is left.
template <class T>
T larger(T a, T b) {
  return a > b || a != a ? a : b;
}
template <class T>
T smaller(T a, T b) {
  return a < b || a != a ? a : b;
}

/// The share of the gradient that the maximum of two gives to one of them; a NaN takes all, so that it shows.
template <class T>
T share_of_larger(T own, T other) {
  return own < other ? T{0} : own == other ? T{0.5} : T{1};
}

template <class T>
T pow_by_base(T a, T b) {
  return b == T{0} ? T{0} : b * std::pow(a, b - T{1});
}
template <class T>
T pow_by_exponent(T a, T b) {
  return a == T{0} && b >= T{0} ? T{0} : std::pow(a, b) * std::log(a);
}

}  // namespace

void binary(Binary op, const Tensor& a, const Tensor& b, Tensor& y) {
  visit_floating(name_of(op), a.dtype(), [&]<class T>() {
    const T *from_a = a.data<T>(), *from_b = b.data<T>();
    T* out = y.mutable_data<T>();
    const auto map = [&](const auto& f) {
      for_pairs<T>(y.shape(), from_a, a.shape(), from_b, b.shape(), [=](int64_t i, T u, T v) { out[i] = f(u, v); });
    };
    switch (op) {
      case Binary::add: return map([](T u, T v) { return u + v; });
      case Binary::sub: return map([](T u, T v) { return u - v; });
      case Binary::mul: return map([](T u, T v) { return u * v; });
      case Binary::div: return map([](T u, T v) { return u / v; });
      case Binary::maximum: return map([](T u, T v) { return larger(u, v); });
      case Binary::minimum: return map([](T u, T v) { return smaller(u, v); });
      case Binary::pow: return map([](T u, T v) { return std::pow(u, v); });
    }
  });
}

void binary_backward(Binary op, int by, const Tensor& a, const Tensor& b, const Tensor& dy, Tensor& d) {
  visit_floating(name_of(op), dy.dtype(), [&]<class T>() {
    const T *from_a = a.data<T>(), *from_b = b.data<T>(), *upstream = dy.data<T>();
    T* out = d.mutable_data<T>();
    const auto chain = [&](const auto& derivative) {
      for_pairs<T>(dy.shape(), from_a, a.shape(), from_b, b.shape(),
                   [=](int64_t i, T u, T v) { out[i] = upstream[i] * derivative(u, v); });
    };
    const bool first = by == 0;
    switch (op) {
      case Binary::add: return chain([](T, T) { return T{1}; });
      case Binary::sub: return first ? chain([](T, T) { return T{1}; }) : chain([](T, T) { return T{-1}; });
      case Binary::mul: return first ? chain([](T, T v) { return v; }) : chain([](T u, T) { return u; });
      case Binary::div:
        return first ? chain([](T, T v) { return T{1} / v; }) : chain([](T u, T v) { return -(u / v) / v; });
      case Binary::maximum:
        return first ? chain([](T u, T v) { return share_of_larger(u, v); })
                     : chain([](T u, T v) { return share_of_larger(v, u); });
      case Binary::minimum:  // the smaller of two is the larger of their negatives
        return first ? chain([](T u, T v) { return share_of_larger(-u, -v); })
                     : chain([](T u, T v) { return share_of_larger(-v, -u); });
      case Binary::pow:
        return first ? chain([](T u, T v) { return pow_by_base(u, v); })
                     : chain([](T u, T v) { return pow_by_exponent(u, v); });
    }
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
