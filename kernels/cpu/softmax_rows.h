#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/simd/dot.h"
#include "kernels/cpu/simd/elementary.h"
#include "kernels/cpu/target.h"

/// The softmax of some rows on one thread, for the softmax and for the routing that is one pass with it.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

constexpr int64_t kShortSoftmaxRow = 64;

/// Rows of a task. An element of a short row takes several times as long as one of a long row.
inline int64_t softmax_rows_per_task(int64_t cols) {
  return std::max<int64_t>(1, (cols <= kShortSoftmaxRow ? 2560 : 16384) / std::max<int64_t>(cols, 1));
}

namespace detail {

/// The exponentials of all rows are one loop, since the rows of a gate are shorter than a vector.
template <class T>
[[gnu::flatten]] void softmax_short_rows(const T* x, int64_t rows, int64_t cols, T inverse, T* y) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* from = x + r * cols;
    T max = from[0];
    for (int64_t c = 1; c < cols; ++c) max = from[c] > max ? from[c] : max;
    for (int64_t c = 0; c < cols; ++c) y[r * cols + c] = (from[c] - max) * inverse;
  }
#pragma omp simd
  for (int64_t i = 0; i < rows * cols; ++i) y[i] = elementary::exp(y[i]);
  for (int64_t r = 0; r < rows; ++r) {
    T* to = y + r * cols;
    T sum = 0;
    for (int64_t c = 0; c < cols; ++c) sum += to[c];
    const T scale = 1 / sum;
    for (int64_t c = 0; c < cols; ++c) to[c] *= scale;
  }
}

template <class T>
void softmax_long_row(const T* x, int64_t cols, T inverse, T* y) {
  constexpr int64_t kLanes = 16;
  T most[kLanes];
  std::fill_n(most, kLanes, x[0]);
  int64_t c = 0;
  for (; c + kLanes <= cols; c += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) most[lane] = x[c + lane] > most[lane] ? x[c + lane] : most[lane];
  }
  for (; c < cols; ++c) most[0] = x[c] > most[0] ? x[c] : most[0];
  const T max = *std::max_element(most, most + kLanes);
  for (int64_t i = 0; i < cols; ++i) y[i] = (x[i] - max) * inverse;
  exp_in_place(y, cols);
  const T scale = 1 / sum_run(y, cols);
  for (int64_t i = 0; i < cols; ++i) y[i] *= scale;
}

}  // namespace detail

/// y[r, :] = softmax(x[r, :] * inverse) for r in [0, rows), cols >= 1. y may be x. A row gives the same bits wherever
/// it lies.
template <class T>
void softmax_rows(const T* x, int64_t rows, int64_t cols, T inverse, T* y) {
  if (cols <= kShortSoftmaxRow) return detail::softmax_short_rows(x, rows, cols, inverse, y);
  for (int64_t r = 0; r < rows; ++r) detail::softmax_long_row(x + r * cols, cols, inverse, y + r * cols);
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
