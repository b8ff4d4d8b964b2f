#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <numbers>

namespace divvy::kernels::cuda {

/// The elementary functions under one name for float and double; never the fast approximations.
struct Math {
  static __device__ float exp(float x) { return expf(x); }
  static __device__ double exp(double x) { return ::exp(x); }
  static __device__ float expm1(float x) { return expm1f(x); }
  static __device__ double expm1(double x) { return ::expm1(x); }
  static __device__ float log(float x) { return logf(x); }
  static __device__ double log(double x) { return ::log(x); }
  static __device__ float log1p(float x) { return log1pf(x); }
  static __device__ double log1p(double x) { return ::log1p(x); }
  static __device__ float sqrt(float x) { return sqrtf(x); }
  static __device__ double sqrt(double x) { return ::sqrt(x); }
  static __device__ float tanh(float x) { return tanhf(x); }
  static __device__ double tanh(double x) { return ::tanh(x); }
  static __device__ float erf(float x) { return erff(x); }
  static __device__ double erf(double x) { return ::erf(x); }
  static __device__ float pow(float a, float b) { return powf(a, b); }
  static __device__ double pow(double a, double b) { return ::pow(a, b); }
  static __device__ float abs(float x) { return fabsf(x); }
  static __device__ double abs(double x) { return ::fabs(x); }
  static __device__ float fma(float a, float b, float c) { return fmaf(a, b, c); }
  static __device__ double fma(double a, double b, double c) { return ::fma(a, b, c); }
  /// The distribution function of the standard normal distribution, with the digits of its lower tail.
  static __device__ float normal_cdf(float x) { return normcdff(x); }
  static __device__ double normal_cdf(double x) { return ::normcdf(x); }

  template <class T>
  static __device__ T infinity() {
    return static_cast<T>(INFINITY);
  }
  template <class T>
  static __device__ bool is_nan(T x) {
    return x != x;
  }

  /// e^(-x^2).
  template <class T>
  static __device__ T gaussian(T x) {
    return bell(x, T(1));
  }
  /// The density of the standard normal distribution.
  template <class T>
  static __device__ T normal_density(T x) {
    constexpr T scale = std::numbers::sqrt2_v<T> / 2 * std::numbers::inv_sqrtpi_v<T>;
    return bell(x, T(0.5)) * scale;
  }

 private:
  /// e^(-c x^2) for c of 1/2 or 1, without the error that rounding x^2 would make.
  template <class T>
  static __device__ T bell(T x, T c) {
    const T magnitude = abs(x), a = magnitude > T(40) ? T(40) : magnitude;  // e^-800 is 0
    const T square = a * a, rounded_off = fma(a, a, -square);
    const T e = exp(-c * square);
    return e - e * (c * rounded_off);
  }
};

}  // namespace divvy::kernels::cuda
