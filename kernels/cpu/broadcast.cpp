#include "kernels/broadcast.h"

#include <algorithm>
#include <numeric>

#include "kernels/broadcast_sum.h"
#include "kernels/cpu/strided.h"
#include "kernels/cpu/target.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

constexpr int64_t kWork = 16384;         // elements that are worth a task of their own
constexpr int64_t kChunk = 4096;         // elements of a contiguous run that are summed in one go
constexpr int64_t kChunkRows = 256;      // rows that are added to each other in one go, at most
constexpr int64_t kBlockColumns = 1024;  // columns of these rows: their sums stay in the first cache

/// The sum of a contiguous run. Sixteen independent sums keep the vector units busy and the rounding error small.
template <class T>
T sum_run(const T* x, int64_t count) {
  constexpr int64_t kLanes = 16;
  if (count < kLanes) return std::accumulate(x, x + count, T{0});
  T lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += x[i + lane];
  }
  for (int64_t lane = 0; i < count; ++i, ++lane) lanes[lane] += x[i];
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

/// y[c] = the sum of x[r, c] over the rows, for `cols` columns of a matrix with rows `stride` apart.
template <class T>
void sum_rows(const T* x, int64_t rows, int64_t cols, int64_t stride, T* y) {
  std::copy_n(x, cols, y);
  for (int64_t r = 1; r < rows; ++r) {
    const T* row = x + r * stride;
    for (int64_t c = 0; c < cols; ++c) y[c] += row[c];
  }
}

/// y[o, i] = the sum over m of x[o, m, i]. The middle axis is cut into chunks of a fixed size; their sums are summed in
/// the same way, until one is left.
template <class T>
void sum_middle(const T* x, int64_t outer, int64_t middle, int64_t inner, T* y) {
  const int64_t chunk = inner == 1 ? kChunk : kChunkRows;
  const int64_t chunks = (middle + chunk - 1) / chunk;
  const int64_t blocks = (inner + kBlockColumns - 1) / kBlockColumns;
  Tensor partial;
  T* out = y;
  if (chunks > 1) {
    partial = Tensor::empty({outer, chunks, inner}, dtype_of<T>);
    out = partial.mutable_data<T>();
  }
  const int64_t work = std::min(middle, chunk) * std::min(inner, kBlockColumns);
  parallel_tiles(outer * chunks * blocks, std::max<int64_t>(1, kWork / work), [=](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t block = task % blocks, group = task / blocks;  // group = o * chunks + which chunk
      const int64_t first = group % chunks * chunk, rows = std::min(chunk, middle - first);
      const int64_t column = block * kBlockColumns, cols = std::min(kBlockColumns, inner - column);
      const T* from = x + (group / chunks * middle + first) * inner + column;
      if (inner == 1) {
        out[group] = sum_run(from, rows);
      } else {
        sum_rows(from, rows, cols, inner, out + group * inner + column);
      }
    }
  });
  if (chunks > 1) sum_middle<T>(out, outer, chunks, inner, y);
}

}  // namespace

void broadcast_to(const Tensor& x, Tensor& y) {
  visit_any(x.dtype(), [&]<class T>() {
    const BroadcastPlan<1> plan(y.shape(), {x.shape()});
    const bool moves = plan.stride(0) != 0;
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    parallel_tiles(y.numel(), kWork, [&](int64_t begin, int64_t end) {
      for_runs(plan, begin, end, [&](int64_t at, const std::array<int64_t, 1>& offsets, int64_t count) {
        const T* from = in + offsets[0];
        if (moves) {
          std::copy_n(from, count, out + at);
        } else {
          std::fill_n(out + at, count, *from);
        }
      });
    });
  });
}

void sum_to(const Tensor& x, Tensor& y) {
  visit_floating("sum_to", x.dtype(), [&]<class T>() {
    if (x.numel() == 0) {
      std::fill_n(y.mutable_data<T>(), y.numel(), T{0});
      return;
    }
    if (x.numel() == y.numel()) {
      y.copy_from(x.reshape(y.shape()));
      return;
    }
    sum_repeated_axes(x, y, [](const Tensor& from, Tensor& to) {
      sum_middle<T>(from.data<T>(), from.size(0), from.size(1), from.size(2), to.mutable_data<T>());
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
