#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "kernels/cpu/target.h"

/// Elementary functions in float and double without branches or calls, so that a loop over them uses the vector units.
/// They are within a few units in the last place of the exact value (tests/kernels/unary_test.cpp), keep NaN, and
/// give a number the same result wherever it stands in a loop, vectorized or not.
namespace divvy::kernels::elementary {

// A function that is left as a call keeps its loop from the vector units. Inlined, it has the instruction set of its
// caller.
#define DIVVY_INLINE [[gnu::always_inline]] inline

template <class T>
struct Format;
template <>
struct Format<float> {
  using Bits = uint32_t;
  static constexpr int kFraction = 23, kBias = 127;
  static constexpr int kLn2Digits = 15;  ///< of the upper part of ln 2, so that its product with an exponent is exact
  static constexpr int kExpTerms = 7, kLogTerms = 4, kErfTerms = 7, kErfcTerms = 12;
  static constexpr float kErfcEnd = 11;                  ///< erfc is 0 from here on
  static constexpr float kExpLow = -104, kExpHigh = 89;  ///< e^x is 0 below, infinite above
};
template <>
struct Format<double> {
  using Bits = uint64_t;
  static constexpr int kFraction = 52, kBias = 1023;
  static constexpr int kLn2Digits = 42;
  static constexpr int kExpTerms = 13, kLogTerms = 10, kErfTerms = 13, kErfcTerms = 24;
  static constexpr double kErfcEnd = 28;
  static constexpr double kExpLow = -746, kExpHigh = 710;
};

template <class T>
using Bits = typename Format<T>::Bits;

template <class T>
constexpr T kLn2High = static_cast<T>(static_cast<long double>(static_cast<int64_t>(
                                          std::numbers::ln2_v<long double>*(int64_t{1} << Format<T>::kLn2Digits))) /
                                      static_cast<long double>(int64_t{1} << Format<T>::kLn2Digits));
template <class T>
constexpr T kLn2Low = static_cast<T>(std::numbers::ln2_v<long double> - static_cast<long double>(kLn2High<T>));

/// 2^n from n + bias, for a normal result.
template <class T>
DIVVY_INLINE T power_of_two(Bits<T> biased) {
  return std::bit_cast<T>(biased << Format<T>::kFraction);
}

constexpr double inverse_factorial(int k) { return k <= 1 ? 1 : inverse_factorial(k - 1) / k; }

/// 1/k! + r / (k+1)! + ..., up to the power that T needs for |r| <= 0.42.
template <int k, class T>
DIVVY_INLINE T exp_series(T r) {
  constexpr T term = static_cast<T>(inverse_factorial(k));
  if constexpr (k == Format<T>::kExpTerms) {
    return term;
  } else {
    return term + r * exp_series<k + 1>(r);
  }
}

/// e^(x + low) = 2^n (1 + p), with |p| < 1/2 and n as an integer modulo 2^bits. `low` is small, for digits that x
/// cannot hold.
template <class T>
struct Exp {
  Bits<T> n;
  T p;
};
template <class T>
DIVVY_INLINE Exp<T> exp_parts(T x, T low = 0) {
  // Adding 1.5 * 2^fraction rounds to an integer, which then stands in the last bits.
  constexpr T shift = T{1.5} * static_cast<T>(int64_t{1} << Format<T>::kFraction);
  const T shifted = x * std::numbers::log2e_v<T> + shift;
  const T n = shifted - shift;
  const T r = ((x - n * kLn2High<T>)-n * kLn2Low<T>)+low;
  return {std::bit_cast<Bits<T>>(shifted) - std::bit_cast<Bits<T>>(shift), r + r * r * exp_series<2>(r)};
}

template <class T>
DIVVY_INLINE T exp(T x, T low = 0) {
  using F = Format<T>;
  x = x < F::kExpLow ? F::kExpLow : x;  // a NaN stays
  x = x > F::kExpHigh ? F::kExpHigh : x;
  const Exp<T> e = exp_parts(x, low);
  // 2^n in two factors: alone it may be infinite or denormal where the result is not.
  const Bits<T> both = e.n + 2 * F::kBias, half = both >> 1;
  return (T{1} + e.p) * power_of_two<T>(half) * power_of_two<T>(both - half);
}

/// e^x - 1 for x <= 60.
template <class T>
DIVVY_INLINE T expm1(T x) {
  const Exp<T> e = exp_parts(x < T{-60} ? T{-60} : x);
  const T scale = power_of_two<T>(e.n + Format<T>::kBias);
  return scale * e.p + (scale - T{1});
}

/// 2/3 + 2/5 s + 2/7 s^2 + ...: (log(1 + f) = 2 atanh(t), t = f / (2 + f), s = t^2) without its first term.
template <int k, class T>
DIVVY_INLINE T log_series(T s) {
  constexpr T term = static_cast<T>(2.0 / (2 * k + 1));
  if constexpr (k == Format<T>::kLogTerms) {
    return term;
  } else {
    return term + s * log_series<k + 1>(s);
  }
}

template <class T>
DIVVY_INLINE T log(T x) {
  using F = Format<T>;
  using Limits = std::numeric_limits<T>;
  constexpr auto one = std::bit_cast<Bits<T>>(T{1}), root = std::bit_cast<Bits<T>>(std::numbers::sqrt2_v<T> / 2);
  constexpr T two_to_fraction = static_cast<T>(int64_t{1} << F::kFraction);
  // x = 2^e m with m in [sqrt(1/2), sqrt 2); a denormal x is made normal first.
  const bool denormal = x < Limits::min();
  const auto bits = std::bit_cast<Bits<T>>(denormal ? x * two_to_fraction : x) + (one - root);
  const T biased = std::bit_cast<T>((bits >> F::kFraction) | std::bit_cast<Bits<T>>(two_to_fraction)) - two_to_fraction;
  const T e = biased - static_cast<T>(denormal ? F::kBias + F::kFraction : F::kBias);
  const T m = std::bit_cast<T>((bits & ((Bits<T>{1} << F::kFraction) - 1)) + root);
  const T f = m - T{1}, t = f / (T{2} + f), s = t * t, half_square = T{0.5} * f * f;
  const T tail = t * (half_square + s * log_series<1>(s)) + e * kLn2Low<T>;
  const T y = e * kLn2High<T> + (f - (half_square - tail));
  const T below = x == T{0} ? -Limits::infinity() : Limits::quiet_NaN();
  return x > T{0} ? (x > Limits::max() ? x : y) : below;
}

/// log(1 + z) for z in [0, 1].
template <class T>
DIVVY_INLINE T log1p(T z) {
  const T sum = T{1} + z;
  return log(sum) + (z - (sum - T{1})) / sum;  // what rounding the sum lost
}

template <class T>
DIVVY_INLINE T tanh(T x) {
  const T twice = T{2} * std::abs(x);
  const T e = expm1(twice > T{40} ? T{40} : twice);
  return std::copysign(e / (e + T{2}), x);
}

/// e^(-c x^2) for c <= 1 and c x^2 < 800, without the error that rounding x^2 would make.
template <class T>
DIVVY_INLINE T gaussian(T x, T c) {
  // The upper half of the digits squares exactly.
  constexpr Bits<T> upper = ~((Bits<T>{1} << (Format<T>::kFraction / 2 + 1)) - 1);
  const T high = std::bit_cast<T>(std::bit_cast<Bits<T>>(x) & upper);
  return exp(-c * high * high, c * (high - x) * (high + x));
}

/// Chebyshev coefficients of (1 + 2x) e^(x^2) erfc(x) in (x - 3.75) / (x + 3.75), for x >= 0: the form of Shepherd and
/// Laframboise, Math. Comp. 36 (1981); interpolated at 60 nodes with 60 digits.
inline constexpr double kErfc[] = {
    1.17757893456740175,     -0.00459005458064647733,  -0.0842491333665179156,   0.0592099399981918905,
    -0.0266586684353057523,  0.00907499767070526509,   -0.00241316354041760819,  0.000490775836525808632,
    -6.91697330250120637e-5, 4.13902798607301017e-6,   7.74038306619849067e-7,   -2.18864010492343957e-7,
    1.07649994656709104e-8,  4.52195981121828690e-9,   -7.75440020883135111e-10, -6.31808834088668449e-11,
    2.86879501093066990e-11, 1.94558685457773472e-13,  -9.65469674843343891e-13, 3.25254814814873984e-14,
    3.34781194828680539e-14, -1.86456288041931310e-15, -1.25079505306886471e-15, 7.41823525662404346e-17};

/// Two neighboring values of Clenshaw's recurrence, from the last coefficient that T needs down to coefficient k.
template <class T>
struct Clenshaw {
  T current, next;
};
template <int k, class T>
DIVVY_INLINE Clenshaw<T> clenshaw(T q) {
  if constexpr (k == Format<T>::kErfcTerms - 1) {
    return {static_cast<T>(kErfc[k]), T{0}};
  } else {
    const auto [b1, b2] = clenshaw<k + 1>(q);
    return {static_cast<T>(kErfc[k]) + T{2} * q * b1 - b2, b1};
  }
}

/// e^(a^2) erfc(a) for a >= 0.
template <class T>
DIVVY_INLINE T scaled_erfc(T a) {
  const T q = (a - T{3.75}) / (a + T{3.75});
  const auto [b1, b2] = clenshaw<1>(q);
  return (static_cast<T>(kErfc[0]) + q * b1 - b2) / (T{1} + T{2} * a);
}

/// (-1)^k / (k! (2k + 1)) s^0 + ..., the series of sqrt(pi)/2 erf(x) / x in s = x^2, for |x| <= 1/2.
template <int k, class T>
DIVVY_INLINE T erf_series(T s) {
  constexpr T term = static_cast<T>((k % 2 == 0 ? 1 : -1) * inverse_factorial(k) / (2 * k + 1));
  if constexpr (k == Format<T>::kErfTerms) {
    return term;
  } else {
    return term + s * erf_series<k + 1>(s);
  }
}

template <class T>
DIVVY_INLINE T erf(T x) {
  constexpr T end = Format<T>::kErfcEnd;
  const T magnitude = std::abs(x), a = magnitude > end ? end : magnitude;
  const T far = std::copysign(T{1} - gaussian(a, T{1}) * scaled_erfc(a), x);
  const T near = x * (T{2} * std::numbers::inv_sqrtpi_v<T> * erf_series<0>(x * x));
  return magnitude < T{0.5} ? near : far;
}

/// The standard normal distribution: its distribution function, with the digits of the lower tail, and its density.
template <class T>
struct Normal {
  T cdf, density;
};
template <class T>
DIVVY_INLINE Normal<T> normal(T x) {
  constexpr T root = std::numbers::sqrt2_v<T> / 2, end = Format<T>::kErfcEnd / root;
  const T magnitude = std::abs(x), a = magnitude > end ? end : magnitude;
  const T b = gaussian(a, T{0.5}), tail = T{0.5} * b * scaled_erfc(a * root);
  return {x > T{0} ? T{1} - tail : tail, b * root * std::numbers::inv_sqrtpi_v<T>};
}

/// The functions that kernels/elementwise asks for.
struct Math {
  DIVVY_INLINE static auto exp(auto x) { return elementary::exp(x); }
  DIVVY_INLINE static auto expm1(auto x) { return elementary::expm1(x); }
  DIVVY_INLINE static auto log(auto x) { return elementary::log(x); }
  DIVVY_INLINE static auto log1p(auto x) { return elementary::log1p(x); }
  DIVVY_INLINE static auto tanh(auto x) { return elementary::tanh(x); }
  DIVVY_INLINE static auto erf(auto x) { return elementary::erf(x); }
  DIVVY_INLINE static auto normal_cdf(auto x) { return normal(x).cdf; }
  DIVVY_INLINE static auto normal_density(auto x) { return normal(x).density; }
  /// e^(-x^2).
  template <class T>
  DIVVY_INLINE static T gaussian(T x) {
    constexpr T end = Format<T>::kErfcEnd;
    const T magnitude = std::abs(x);
    return elementary::gaussian(magnitude > end ? end : magnitude, T{1});
  }
};

#undef DIVVY_INLINE

}  // namespace divvy::kernels::elementary

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

/// x[i] = e^x[i]. Unlike Eigen's, e to a very negative number is 0.
template <class T>
[[gnu::flatten]] inline void exp_in_place(T* x, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) x[i] = elementary::exp(x[i]);
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
