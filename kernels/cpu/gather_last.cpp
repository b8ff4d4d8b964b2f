#include "kernels/gather_last.h"

#include <algorithm>

#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

constexpr int64_t kTileElements = 16384;

}  // namespace

void gather_last(const Tensor& x, const Tensor& index, Tensor& y) {
  visit_floating("gather_last", x.dtype(), [&]<class T>() {
    if (y.numel() == 0) return;
    const int64_t cols = x.shape().cols(), k = index.shape().cols();
    const T* from = x.data<T>();
    const int64_t* at = index.data<int64_t>();
    T* to = y.mutable_data<T>();
    parallel_tiles(index.shape().rows(), std::max<int64_t>(1, kTileElements / k), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t j = 0; j < k; ++j) to[r * k + j] = from[r * cols + at[r * k + j]];
      }
    });
  });
}

void gather_last_backward(const Tensor& index, const Tensor& dy, Tensor& dx) {
  visit_floating("gather_last_backward", dy.dtype(), [&]<class T>() {
    if (dx.numel() == 0) return;
    const int64_t cols = dx.shape().cols(), k = index.shape().cols();
    const T* from = dy.data<T>();
    const int64_t* at = index.data<int64_t>();
    T* to = dx.mutable_data<T>();
    parallel_tiles(dx.shape().rows(), std::max<int64_t>(1, kTileElements / cols), [&](int64_t begin, int64_t end) {
      std::fill(to + begin * cols, to + end * cols, T{0});
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t j = 0; j < k; ++j) to[r * cols + at[r * k + j]] += from[r * k + j];
      }
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
