#include "kernels/rows.h"

#include <algorithm>
#include <cstring>

#include "kernels/counting_sort.h"
#include "kernels/cpu/simd/prefetch.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

constexpr int64_t kTile = 16384;

template <class T>
void add(const T* from, T* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] += from[i];
}

}  // namespace

void gather_rows(const Tensor& x, const Tensor& index, Tensor& y) {
  if (y.numel() == 0) return;
  const int64_t rows = index.numel(), row_bytes = y.nbytes() / rows;
  const int64_t* from = index.data<int64_t>();
  const std::byte* in = x.bytes();
  std::byte* out = y.mutable_bytes();
  const int64_t ahead = prefetch_distance(row_bytes);
  parallel_tiles(rows, 4 * kTile / row_bytes + 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      if (n + ahead < rows) prefetch_row(in + from[n + ahead] * row_bytes, row_bytes);
      std::memcpy(out + n * row_bytes, in + from[n] * row_bytes, static_cast<size_t>(row_bytes));
    }
  });
}

void scatter_add_rows(const Tensor& x, const Tensor& index, Tensor& y) {
  visit_floating("scatter_add_rows", x.dtype(), [&]<class T>() {
    const int64_t rows = y.size(0), count = index.numel();
    T* out = y.mutable_data<T>();
    const T* in = x.data<T>();
    const int64_t* to = index.data<int64_t>();
    const int64_t cols = x.numel() / std::max<int64_t>(count, 1);
    if (x.numel() <= kTile) {
      std::fill_n(out, y.numel(), T{0});
      for (int64_t n = 0; n < count; ++n) add(in + n * cols, out + to[n] * cols, cols);
      return;
    }
    // Sorted by destination, each row of y is added up by one task, in the same order as above. Blocks of columns
    // divide the work where a few destinations take it all.
    const CountingSort sorted = counting_sort(index.reshape({-1, 1}), rows, true, {});
    const int64_t *offsets = sorted.offsets.data<int64_t>(), *source = sorted.sample.data<int64_t>();
    const int64_t width = std::min<int64_t>(cols, 1024), blocks = (cols + width - 1) / width;
    const int64_t tile = kTile * rows / (count * width) + 1, tiles = (rows + tile - 1) / tile;
    parallel_for(tiles * blocks, [&](int64_t task) {
      const int64_t first = task / blocks * tile, column = task % blocks * width;
      const int64_t used = std::min(width, cols - column);
      for (int64_t r = first; r < std::min(first + tile, rows); ++r) {
        T* sum = out + r * cols + column;
        std::fill_n(sum, used, T{0});
        for (int64_t i = offsets[r]; i < offsets[r + 1]; ++i) add(in + source[i] * cols + column, sum, used);
      }
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
