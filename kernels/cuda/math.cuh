#pragma once

#include <cuda_runtime.h>

#include <cmath>

/// The elementary functions under one name for float and double; never the fast approximations.
namespace divvy::kernels::cuda::math {

__device__ inline float exp(float x) { return expf(x); }
__device__ inline double exp(double x) { return ::exp(x); }
__device__ inline float expm1(float x) { return expm1f(x); }
__device__ inline double expm1(double x) { return ::expm1(x); }
__device__ inline float log(float x) { return logf(x); }
__device__ inline double log(double x) { return ::log(x); }
__device__ inline float log1p(float x) { return log1pf(x); }
__device__ inline double log1p(double x) { return ::log1p(x); }
__device__ inline float sqrt(float x) { return sqrtf(x); }
__device__ inline double sqrt(double x) { return ::sqrt(x); }
__device__ inline float tanh(float x) { return tanhf(x); }
__device__ inline double tanh(double x) { return ::tanh(x); }
__device__ inline float erf(float x) { return erff(x); }
__device__ inline double erf(double x) { return ::erf(x); }
__device__ inline float pow(float a, float b) { return powf(a, b); }
__device__ inline double pow(double a, double b) { return ::pow(a, b); }
__device__ inline float abs(float x) { return fabsf(x); }
__device__ inline double abs(double x) { return ::fabs(x); }
__device__ inline float fma(float a, float b, float c) { return fmaf(a, b, c); }
__device__ inline double fma(double a, double b, double c) { return ::fma(a, b, c); }
/// The distribution function of the standard normal distribution, with the digits of its lower tail.
__device__ inline float normal_cdf(float x) { return normcdff(x); }
__device__ inline double normal_cdf(double x) { return ::normcdf(x); }

template <class T>
__device__ T infinity() {
  return static_cast<T>(INFINITY);
}
template <class T>
__device__ bool is_nan(T x) {
  return x != x;
}

}  // namespace divvy::kernels::cuda::math
