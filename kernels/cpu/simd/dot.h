#pragma once

#include <cstdint>

#include "kernels/cpu/target.h"

/// Sums with sixteen independent parts, for the vector units and for small rounding errors. The order of addition
/// depends on `count` alone, not on where the elements lie in memory, as it does with Eigen's sums.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

/// The sum over i of a[i] * b[i].
template <class T>
T dot(const T* a, const T* b, int64_t count) {
  constexpr int64_t kLanes = 16;
  if (count < kLanes) {
    T sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
    return sum;
  }
  T sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (int64_t lane = 0; i < count; ++i, ++lane) sums[lane] += a[i] * b[i];
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

/// The sum over i of a[i].
template <class T>
T sum_run(const T* a, int64_t count) {
  constexpr int64_t kLanes = 16;
  T sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane];
  }
  for (int64_t lane = 0; i < count; ++i, ++lane) sums[lane] += a[i];
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
