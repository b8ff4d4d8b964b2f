#pragma once

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/segments.cuh"

/// Sums over the rows of each expert, say of the gradients of its parameters: in a fixed order, without atomics.
namespace divvy::kernels::cuda {

inline constexpr int64_t tiles_of(int64_t count, int64_t tile) { return (count + tile - 1) / tile; }

/// A result that is summed for every expert.
template <class T>
struct PieceResult {
  T* data = nullptr;  ///< [E, size], or null where it is not wanted
  int64_t size = 0;   ///< 0 where it is not wanted
  int64_t first = 0;  ///< where it is among the results of a piece; sum_pieces sets it
};

/// Sums over the rows of each expert, of one result or several at once. An expert with very many rows is cut into
/// pieces, so that there is work for the whole device even if it has all of them. The first piece of an expert goes to
/// its results; the others, to memory of their own, are added to it in their order by add_pieces. No choice depends on
/// the device.
template <class T, int kResults = 1>
struct PieceSums {
  DeviceSegments segments;
  Pieces pieces;
  PieceResult<T> results[kResults];
  T* others;     ///< [numbers - E, size]
  int64_t size;  ///< of all results of an expert

  /// Where a piece puts its sum of a result: null for one that is not wanted. Every piece has to put one, also the
  /// empty piece of an expert without rows.
  __device__ T* of(int64_t number, const RowRange& range, int64_t index, int result = 0) const {
    const PieceResult<T>& r = results[result];
    if (r.data == nullptr) return nullptr;
    return index == 0 ? r.data + range.expert * r.size : others + (number - range.expert - 1) * size + r.first;
  }
};

/// Pieces of at least `least` units, so many that `tiles` blocks for each of them are about 1,024 together.
inline Pieces pieces_for(int64_t units, int64_t tiles, int64_t least, int64_t per_row = 1) {
  const int64_t most = std::clamp<int64_t>(1024 / std::max<int64_t>(tiles, 1), 1, 512);
  return {std::max(least, tiles_of(units, most)), per_row};
}

template <class T, int kResults>
__global__ void __launch_bounds__(kThreads)
    add_pieces_kernel(const __grid_constant__ PieceSums<T, kResults> sums, int64_t blocks_of_expert) {
  const RowRange all = sums.segments.all_of(blockIdx.x / blocks_of_expert);
  const int64_t per_row = sums.pieces.per_row, first = sums.pieces.first(sums.segments, all.expert);
  const int64_t count = (all.rows() * per_row + sums.pieces.length - 1) / sums.pieces.length;
  if (count <= 1) return;
  const T* other = sums.others + (first - all.expert) * sums.size;
  int r = 0;
  for (int64_t i = blockIdx.x % blocks_of_expert * kThreads + threadIdx.x; i < sums.size;
       i += blocks_of_expert * kThreads) {
    while (r + 1 < kResults && i >= sums.results[r + 1].first) ++r;
    const PieceResult<T>& result = sums.results[r];
    T* to = result.data + all.expert * result.size + i - result.first;
    T sum = *to;
    for (int64_t p = 0; p + 1 < count; ++p) sum += other[p * sums.size + i];
    *to = sum;
  }
}

/// run(sums, numbers) with memory for the other pieces, then adds them up. `numbers`: how many pieces there can be. It
/// runs where no result is wanted, too, but not without experts.
template <class T, int kResults, class Run>
void sum_pieces(Device device, const DeviceSegments& segments, const Pieces& pieces,
                const PieceResult<T> (&results)[kResults], const Run& run) {
  if (segments.experts == 0) return;
  PieceSums<T, kResults> sums{segments, pieces, {}, nullptr, 0};
  for (int r = 0; r < kResults; ++r) {
    sums.results[r] = {results[r].data, results[r].size, sums.size};
    sums.size += results[r].size;
  }
  const int64_t numbers = pieces.most(segments.rows, segments.experts), more = numbers - segments.experts;
  Tensor others = Tensor::empty(Shape{more, sums.size}, dtype_of<T>, device);
  sums.others = others.mutable_data<T>();
  run(std::as_const(sums), numbers);
  if (more == 0 || sums.size == 0) return;
  const int64_t blocks = std::min<int64_t>(tiles_of(sums.size, kThreads), 1024);
  launch({device, static_cast<unsigned>(segments.experts * blocks), kThreads}, add_pieces_kernel<T, kResults>, sums,
         blocks);
}

/// The same for one result; does nothing where it is empty.
template <class T, class Run>
void sum_pieces(Device device, const DeviceSegments& segments, const Pieces& pieces, int64_t size, T* results,
                const Run& run) {
  const PieceResult<T> result[] = {{results, size}};
  if (size > 0) sum_pieces(device, segments, pieces, result, run);
}

/// Sums of [N, C, S] over the rows of each expert and S: kThreads threads for a piece and 32 channels where S is 1,
/// else 8 channels.
template <bool kPlanes, class T>
__global__ void __launch_bounds__(kThreads)
    channel_sums_kernel(const T* x, int64_t channels, int64_t plane, PieceSums<T> sums) {
  constexpr int kChannels = kPlanes ? kThreads / 32 : 32;
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  const int64_t groups = (channels + kChannels - 1) / kChannels, number = blockIdx.x / groups;
  const int64_t channel = blockIdx.x % groups * kChannels + (kPlanes ? warp : lane);
  RowRange range;
  int64_t index = 0;
  if (!sums.pieces.find(sums.segments, number, range, index)) return;
  T sum = 0;
  if constexpr (kPlanes) {
    if (channel >= channels) return;  // whole warps
    for (int64_t i = lane; i < range.rows() * plane; i += 32) {
      sum += x[((range.begin + i / plane) * channels + channel) * plane + i % plane];
    }
    for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
    if (lane == 0) sums.of(number, range, index)[channel] = sum;
  } else {
    __shared__ T of_warp[kThreads / 32][32];
    if (channel < channels) {
      for (int64_t row = range.begin + warp; row < range.end; row += kThreads / 32) sum += x[row * channels + channel];
    }
    of_warp[warp][lane] = sum;
    __syncthreads();
    if (warp != 0 || channel >= channels) return;
    for (int i = 1; i < kThreads / 32; ++i) sum += of_warp[i][lane];
    sums.of(number, range, index)[channel] = sum;
  }
}

/// to[e, c] = the sum of x[n, c, s] over the rows n of expert e and all s. x: [N, C, plane], to: [E, C].
template <class T>
void channel_sums(const T* x, int64_t channels, int64_t plane, const DeviceSegments& segments, Device device, T* to) {
  const int64_t groups = tiles_of(channels, plane == 1 ? 32 : kThreads / 32);
  const Pieces pieces = pieces_for(segments.rows, groups, std::max<int64_t>(1, 256 / std::max<int64_t>(plane, 1)));
  sum_pieces(device, segments, pieces, channels, to, [&](const PieceSums<T>& sums, int64_t numbers) {
    launch({device, static_cast<unsigned>(numbers * groups), kThreads},
           plane == 1 ? channel_sums_kernel<false, T> : channel_sums_kernel<true, T>, x, channels, plane, sums);
  });
}

}  // namespace divvy::kernels::cuda
