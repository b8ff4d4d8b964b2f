#include "kernels/combine.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/simd/dot.h"
#include "kernels/cpu/simd/prefetch.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

/// Calls f(b) for each sample, in tiles of about 16k products, with the rows of samples that come soon under way.
template <bool write, class T, class F>
void for_samples(const Tensor& position, const T* rows, int64_t cols, const F& f) {
  const int64_t samples = position.size(0), k = position.size(1), bytes = cols * static_cast<int64_t>(sizeof(T));
  const int64_t tile = 16384 / std::max<int64_t>(k * cols, 1) + 1, ahead = prefetch_distance(k * bytes);
  const int64_t* at = position.data<int64_t>();
  parallel_tiles(samples, tile, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      for (int64_t i = (b + ahead) * k; b + ahead < samples && i < (b + ahead + 1) * k; ++i) {
        if (at[i] >= 0) prefetch_row<write>(rows + at[i] * cols, bytes);
      }
      f(b);
    }
  });
}

/// to = the sum of k weighted rows, those at -1 left out.
template <class T>
void weighted_sum(const T* rows, const T* weight, const int64_t* at, int64_t k, int64_t cols, T* to) {
  int64_t i = 0;
  while (i < k && at[i] < 0) ++i;
  if (i == k) return void(std::fill_n(to, cols, T{0}));
  const T *first = rows + at[i] * cols, w = weight[i];
  for (int64_t c = 0; c < cols; ++c) to[c] = w * first[c];
  for (++i; i < k; ++i) {
    if (at[i] < 0) continue;
    const T *row = rows + at[i] * cols, v = weight[i];
    for (int64_t c = 0; c < cols; ++c) to[c] += v * row[c];
  }
}

}  // namespace

void combine(const Tensor& rows, const Tensor& weights, const Tensor& position, Tensor& y) {
  visit_floating("combine", rows.dtype(), [&]<class T>() {
    const int64_t k = position.size(1), cols = rows.size(1);
    const T *row = rows.data<T>(), *weight = weights.data<T>();
    const int64_t* at = position.data<int64_t>();
    T* out = y.mutable_data<T>();
    for_samples<false>(position, row, cols,
                       [&](int64_t b) { weighted_sum(row, weight + b * k, at + b * k, k, cols, out + b * cols); });
  });
}

void combine_backward_rows(const Tensor& weights, const Tensor& position, const Tensor& dy, Tensor& drows) {
  visit_floating("combine_backward_rows", dy.dtype(), [&]<class T>() {
    const int64_t k = position.size(1), cols = dy.size(1);
    const T *upstream = dy.data<T>(), *weight = weights.data<T>();
    const int64_t* at = position.data<int64_t>();
    T* out = drows.mutable_data<T>();
    // A dispatch names every row, and then none is left to be cleared.
    const auto named = std::count_if(at, at + position.numel(), [](int64_t row) { return row >= 0; });
    if (named < drows.size(0)) std::memset(out, 0, static_cast<size_t>(drows.nbytes()));
    for_samples<true>(position, out, cols, [&](int64_t b) {
      const T* from = upstream + b * cols;
      for (int64_t i = b * k; i < (b + 1) * k; ++i) {
        if (at[i] < 0) continue;
        T* to = out + at[i] * cols;
        const T w = weight[i];
        for (int64_t c = 0; c < cols; ++c) to[c] = w * from[c];
      }
    });
  });
}

void combine_backward_weights(const Tensor& rows, const Tensor& position, const Tensor& dy, Tensor& dweights) {
  visit_floating("combine_backward_weights", dy.dtype(), [&]<class T>() {
    const int64_t k = position.size(1), cols = dy.size(1);
    const T *row = rows.data<T>(), *upstream = dy.data<T>();
    const int64_t* at = position.data<int64_t>();
    T* out = dweights.mutable_data<T>();
    for_samples<false>(position, row, cols, [&](int64_t b) {
      for (int64_t i = b * k; i < (b + 1) * k; ++i) {
        out[i] = at[i] < 0 ? T{0} : dot(row + at[i] * cols, upstream + b * cols, cols);
      }
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
