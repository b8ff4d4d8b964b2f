#include "kernels/top_k.h"

#include <algorithm>

#include "kernels/cpu/target.h"
#include "kernels/cpu/top_k_row.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

int64_t rows_per_tile(const Tensor& x) { return 2560 / x.shape().cols() + 1; }

}  // namespace

void top_k(const Tensor& x, Tensor& values, Tensor& indices) {
  visit_floating("top_k", x.dtype(), [&]<class T>() {
    const int64_t cols = x.shape().cols(), k = indices.shape().cols();
    const T* in = x.data<T>();
    T* value = values.mutable_data<T>();
    int64_t* index = indices.mutable_data<int64_t>();
    parallel_tiles(x.shape().rows(), rows_per_tile(x), [&](int64_t begin, int64_t end) {
      TopKRow<T> choose;
      for (int64_t r = begin; r < end; ++r) {
        const T* row = in + r * cols;
        int64_t* best = index + r * k;
        choose(row, cols, k, best);
        for (int64_t j = 0; j < k; ++j) value[r * k + j] = row[best[j]];
      }
    });
  });
}

void top_k_backward(const Tensor& indices, const Tensor& dy, Tensor& dx) {
  visit_floating("top_k_backward", dy.dtype(), [&]<class T>() {
    const int64_t cols = dx.shape().cols(), k = indices.shape().cols();
    const T* upstream = dy.data<T>();
    const int64_t* index = indices.data<int64_t>();
    T* out = dx.mutable_data<T>();
    parallel_tiles(dx.shape().rows(), rows_per_tile(dx), [&](int64_t begin, int64_t end) {
      std::fill_n(out + begin * cols, (end - begin) * cols, T{0});
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t j = r * k; j < (r + 1) * k; ++j) out[r * cols + index[j]] = upstream[j];
      }
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
