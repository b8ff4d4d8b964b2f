#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "kernels/cuda/for_rows.cuh"
#include "kernels/cuda/launch.cuh"
#include "tensor/tensor.h"

/// Reductions of x [outer, reduce, inner] over the middle axis. How the work is cut depends on the sizes alone, and so
/// does the order in which values meet.
///
/// What is computed is a Reducer, a function object with
///     using Acc                                       what is kept on the way: a number or a small struct
///     kUnroll                                         how many elements to read ahead
///     Acc start() const                               of no elements
///     void take(Acc&, T x, int64_t r, int64_t i)      adds element x, at r of result i = o * inner + column
///     Acc merge(Acc a, Acc b) const
///     void finish(int64_t i, Acc) const               writes result i
namespace divvy::kernels::cuda {

struct ReduceSizes {
  int64_t outer, reduce, inner;
  __device__ int64_t at(int64_t o, int64_t r, int64_t column) const { return (o * reduce + r) * inner + column; }
};

template <class T>
__device__ T shuffle_xor(T value, int lanes) {
  return __shfl_xor_sync(0xffffffffu, value, lanes);
}

/// A reduction of the elements of a tensor ...
template <class T, class Reducer>
struct OfElements {
  using Acc = typename Reducer::Acc;
  static constexpr int kUnroll = Reducer::kUnroll;
  const T* x;
  Reducer reducer;
  __device__ void take(Acc& acc, int64_t at, int64_t r, int64_t i) const { reducer.take(acc, x[at], r, i); }
};

/// ... or of what the blocks of an earlier launch have left.
template <class Reducer>
struct OfPartials {
  using Acc = typename Reducer::Acc;
  static constexpr int kUnroll = Reducer::kUnroll;
  const Acc* x;
  Reducer reducer;
  __device__ void take(Acc& acc, int64_t at, int64_t, int64_t) const { acc = reducer.merge(acc, x[at]); }
};

/// A thread for each result.
template <class Source>
struct ReduceByThread {
  Source source;
  ReduceSizes sizes;
  __device__ void operator()(int64_t o, int64_t column) const {
    const int64_t i = o * sizes.inner + column;
    auto acc = source.reducer.start();
#pragma unroll Source::kUnroll
    for (int64_t r = 0; r < sizes.reduce; ++r) source.take(acc, sizes.at(o, r, column), r, i);
    source.reducer.finish(i, acc);
  }
};

/// Some lanes of a warp for each result; inner is 1. `lanes` is a power of two up to 32.
template <class Source>
__global__ void __launch_bounds__(kThreads) reduce_by_lanes(Source source, ReduceSizes sizes, int lanes) {
  const int64_t groups = kThreads / lanes;  // of a block
  const int lane = static_cast<int>(threadIdx.x) % lanes;
  // All lanes of a warp take part in the shuffles, also those whose group has no result left.
  for (int64_t first = blockIdx.x * groups; first < sizes.outer; first += gridDim.x * groups) {
    const int64_t i = first + threadIdx.x / static_cast<unsigned>(lanes);
    auto acc = source.reducer.start();
    if (i < sizes.outer) {
#pragma unroll Source::kUnroll
      for (int64_t r = lane; r < sizes.reduce; r += lanes) source.take(acc, sizes.at(i, r, 0), r, i);
    }
    for (int distance = lanes / 2; distance > 0; distance /= 2) {
      acc = source.reducer.merge(acc, shuffle_xor(acc, distance));
    }
    if (lane == 0 && i < sizes.outer) source.reducer.finish(i, acc);
  }
}

/// How blocks share the work: each has `width` columns, `groups` threads for each of them, and `rows` rows.
struct ReduceTiles {
  static constexpr int64_t kSteps = 32;  ///< rows of a thread

  explicit ReduceTiles(const ReduceSizes& sizes)
      : width(static_cast<int>(std::min<int64_t>(sizes.inner, 32))),
        groups(kThreads / width),
        rows(kSteps * groups),
        column_blocks((sizes.inner + width - 1) / width),
        chunks((sizes.reduce + rows - 1) / rows) {}

  int width, groups;
  int64_t rows, column_blocks, chunks;
};

/// With more than one chunk the results go to partial [outer, chunks, inner], else to the reducer.
template <class Source>
__global__ void __launch_bounds__(kThreads, 4)
    reduce_by_block(Source source, ReduceSizes sizes, ReduceTiles tiles, typename Source::Acc* partial) {
  using Acc = typename Source::Acc;
  __shared__ Acc shared[kThreads];
  const auto column_blocks = static_cast<unsigned>(tiles.column_blocks), chunks = static_cast<unsigned>(tiles.chunks);
  const unsigned column_block = blockIdx.x % column_blocks, rest = blockIdx.x / column_blocks;
  const int64_t chunk = rest % chunks, o = rest / chunks;
  const int t = static_cast<int>(threadIdx.x), group = t / tiles.width;
  const int64_t column = int64_t{column_block} * tiles.width + t % tiles.width, i = o * sizes.inner + column;
  Acc acc = source.reducer.start();
  if (group < tiles.groups && column < sizes.inner) {
    const int64_t begin = chunk * tiles.rows, end = min(begin + tiles.rows, sizes.reduce);
#pragma unroll Source::kUnroll
    for (int64_t r = begin + group; r < end; r += tiles.groups) source.take(acc, sizes.at(o, r, column), r, i);
  }
  shared[t] = acc;
  for (int left = tiles.groups; left > 1;) {
    const int half = (left + 1) / 2;
    __syncthreads();
    if (group < left - half) shared[t] = acc = source.reducer.merge(acc, shared[t + half * tiles.width]);
    left = half;
  }
  if (group > 0 || column >= sizes.inner) return;
  if (tiles.chunks > 1) {
    partial[(o * tiles.chunks + chunk) * sizes.inner + column] = acc;
    return;
  }
  source.reducer.finish(i, acc);
}

template <class Source>
void reduce_from(Device device, const ReduceSizes& sizes, const Source& source) {
  using Acc = typename Source::Acc;
  constexpr int64_t kShort = 64, kLong = 1024;
  if (sizes.outer * sizes.inner == 0) return;
  if (sizes.reduce <= (sizes.inner == 1 ? 4 : kShort)) {
    for_rows(device, sizes.outer, sizes.inner, ReduceByThread<Source>{source, sizes});
    return;
  }
  if (sizes.inner == 1 && sizes.reduce <= kLong) {
    int lanes = 8;
    while (lanes < 32 && lanes < sizes.reduce) lanes *= 2;
    launch({device, blocks_for(device, sizes.outer * lanes), kThreads}, reduce_by_lanes<Source>, source, sizes, lanes);
    return;
  }
  const ReduceTiles tiles(sizes);
  const int64_t blocks = sizes.outer * tiles.chunks * tiles.column_blocks;
  Tensor memory;
  Acc* partial = nullptr;
  if (tiles.chunks > 1) {
    const auto bytes = static_cast<int64_t>(sizeof(Acc)) * sizes.outer * tiles.chunks * sizes.inner;
    memory = Tensor::empty({bytes}, DType::u8, device);
    partial = reinterpret_cast<Acc*>(memory.mutable_data<uint8_t>());
  }
  launch({device, static_cast<unsigned>(blocks), kThreads}, reduce_by_block<Source>, source, sizes, tiles, partial);
  if (tiles.chunks == 1) return;
  using Reducer = std::remove_cvref_t<decltype(source.reducer)>;
  reduce_from(device, {sizes.outer, tiles.chunks, sizes.inner}, OfPartials<Reducer>{partial, source.reducer});
}

/// Reduces x [outer, reduce, inner] on its device.
template <class T, class Reducer>
void reduce_middle(const Tensor& x, const Reducer& reducer) {
  reduce_from(x.device(), {x.size(0), x.size(1), x.size(2)}, OfElements<T, Reducer>{x.data<T>(), reducer});
}

}  // namespace divvy::kernels::cuda
