#include "kernels/pairwise_distance.h"

#include <algorithm>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/math.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace divvy::kernels::cuda {

namespace {

constexpr int kTile = 32;      ///< rows and columns of a tile of distances, and features that are in shared memory
constexpr int kFeatures = 64;  ///< columns of a tile of the gradient

/// Whether a sum of squares of T is neither infinite nor blurred by the smallest numbers of T.
template <class T>
__device__ bool is_exact(double squares, int64_t cols) {
  constexpr double kLeast = sizeof(T) == 4 ? 1e-31 : 1e-292, kMost = sizeof(T) == 4 ? 3.4e38 : 1.7e308;
  return squares >= kLeast * static_cast<double>(cols) && squares <= kMost;
}

/// The distance of two rows whose squares are not exact: the differences are divided by the largest of them. Of a share
/// of the rows where a difference of finite numbers would be infinite.
template <class T>
__device__ double scaled_distance(const T* a, const T* b, int64_t cols) {
  for (double share = 1;; share = 0x1p-40) {
    double most = 0, sum = 0;
    for (int64_t c = 0; c < cols; ++c) {
      const double difference = static_cast<double>(a[c]) * share - static_cast<double>(b[c]) * share;
      most = Maximum()(most, difference < 0 ? -difference : difference);
    }
    if (most == 0 || Math::is_nan(most)) return most;
    if (most == Math::infinity<double>()) {
      if (share < 1) return most;
      continue;
    }
    for (int64_t c = 0; c < cols; ++c) {
      const double part = (static_cast<double>(a[c]) * share - static_cast<double>(b[c]) * share) / most;
      sum += part * part;
    }
    return most * Math::sqrt(sum) / share;
  }
}

/// The distances of rows [32 * tile_i, ...) from rows [32 * tile_j, ...), for tile_i <= tile_j: a thread has four of
/// them. The squares of 32 features are summed in T, and these sums in double.
template <class T>
__global__ void __launch_bounds__(kThreads) distance_kernel(const T* x, int64_t rows, int64_t cols, T* distance) {
  __shared__ T left[kTile][kTile + 1], right[kTile][kTile + 1];
  const auto tiles = static_cast<unsigned>((rows + kTile - 1) / kTile);
  const unsigned tile_i = blockIdx.x / tiles, tile_j = blockIdx.x % tiles;
  if (tile_i > tile_j) return;
  const int64_t first_i = int64_t{tile_i} * kTile, first_j = int64_t{tile_j} * kTile;
  const int t = static_cast<int>(threadIdx.x), tx = t % 16, ty = t / 16;
  double total[2][2] = {};
  for (int64_t begin = 0; begin < cols; begin += kTile) {
    for (int at = t; at < kTile * kTile; at += kThreads) {
      const int r = at / kTile, c = at % kTile;
      const bool inside = begin + c < cols;
      left[r][c] = inside && first_i + r < rows ? x[(first_i + r) * cols + begin + c] : T(0);
      right[r][c] = inside && first_j + r < rows ? x[(first_j + r) * cols + begin + c] : T(0);
    }
    __syncthreads();
    T sum[2][2] = {};
#pragma unroll 8
    for (int c = 0; c < kTile; ++c) {
      for (int a = 0; a < 2; ++a) {
        for (int b = 0; b < 2; ++b) {
          const T d = left[ty + 16 * a][c] - right[tx + 16 * b][c];
          sum[a][b] += d * d;
        }
      }
    }
    for (int a = 0; a < 2; ++a) {
      for (int b = 0; b < 2; ++b) total[a][b] += static_cast<double>(sum[a][b]);
    }
    __syncthreads();
  }
  for (int a = 0; a < 2; ++a) {
    for (int b = 0; b < 2; ++b) {
      const int64_t i = first_i + ty + 16 * a, j = first_j + tx + 16 * b;
      if (i >= rows || j >= rows) continue;
      double apart = i == j ? 0 : Math::sqrt(total[a][b]);
      if (i != j && !is_exact<T>(total[a][b], cols)) apart = scaled_distance(x + i * cols, x + j * cols, cols);
      const T value = static_cast<T>(apart);
      distance[i * rows + j] = value;
      distance[j * rows + i] = value;
    }
  }
}

/// dx for 32 rows and 64 columns: a thread has one column of eight rows. Terms are added in the order of j.
template <class T>
__global__ void __launch_bounds__(kThreads)
    distance_backward_kernel(const T* x, const T* distance, const T* dy, int64_t rows, int64_t cols, T* dx) {
  constexpr int kOwn = kTile * kFeatures / kThreads;
  __shared__ T weight[kTile][kTile + 1], other[kTile][kFeatures];
  const auto column_tiles = static_cast<unsigned>((cols + kFeatures - 1) / kFeatures);
  const int64_t first_row = int64_t{blockIdx.x / column_tiles} * kTile;
  const int t = static_cast<int>(threadIdx.x), group = t / kFeatures;
  const int64_t first_column = int64_t{blockIdx.x % column_tiles} * kFeatures, column = first_column + t % kFeatures;
  T own[kOwn], sum[kOwn] = {};
#pragma unroll
  for (int r = 0; r < kOwn; ++r) {
    const int64_t row = first_row + group * kOwn + r;
    own[r] = row < rows && column < cols ? x[row * cols + column] : T(0);
  }
  for (int64_t begin = 0; begin < rows; begin += kTile) {
    for (int at = t; at < kTile * kTile; at += kThreads) {
      const int64_t i = first_row + at / kTile, j = begin + at % kTile;
      T w = 0;
      if (i < rows && j < rows && distance[i * rows + j] != T(0)) {
        w = (dy[i * rows + j] + dy[j * rows + i]) / distance[i * rows + j];
      }
      weight[at / kTile][at % kTile] = w;
    }
    for (int at = t; at < kTile * kFeatures; at += kThreads) {
      const int64_t row = begin + at / kFeatures, c = first_column + at % kFeatures;
      other[at / kFeatures][at % kFeatures] = row < rows && c < cols ? x[row * cols + c] : T(0);
    }
    __syncthreads();
    // What lies behind the last row has no weight, and what is at distance 0 has none: it must not even be looked at,
    // since infinity times 0 is NaN.
    const int count = static_cast<int>(min(int64_t{kTile}, rows - begin));
    for (int j = 0; j < count; ++j) {
      const T far = other[j][t % kFeatures];
#pragma unroll
      for (int r = 0; r < kOwn; ++r) {
        const T w = weight[group * kOwn + r][j];
        if (w != T(0)) sum[r] += w * (own[r] - far);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < kOwn; ++r) {
    const int64_t row = first_row + group * kOwn + r;
    if (row < rows && column < cols) dx[row * cols + column] = sum[r];
  }
}

int64_t tiles_of(int64_t size, int64_t tile) { return (size + tile - 1) / tile; }

}  // namespace

void pairwise_distance(const Tensor& x, Tensor& distance) {
  const int64_t rows = x.size(0), cols = x.shape().range(1).numel(), tiles = tiles_of(rows, kTile);
  if (rows == 0) return;
  visit_floating("pairwise_distance", x.dtype(), [&]<class T>() {
    launch({x.device(), static_cast<unsigned>(tiles * tiles), kThreads}, distance_kernel<T>, x.data<T>(), rows, cols,
           distance.mutable_data<T>());
  });
}

void pairwise_distance_backward(const Tensor& x, const Tensor& distance, const Tensor& dy, Tensor& dx) {
  const int64_t rows = x.size(0), cols = x.shape().range(1).numel();
  if (rows * cols == 0) return;
  const int64_t blocks = tiles_of(rows, kTile) * tiles_of(cols, kFeatures);
  visit_floating("pairwise_distance_backward", x.dtype(), [&]<class T>() {
    launch({x.device(), static_cast<unsigned>(blocks), kThreads}, distance_backward_kernel<T>, x.data<T>(),
           distance.data<T>(), dy.data<T>(), rows, cols, dx.mutable_data<T>());
  });
}

}  // namespace divvy::kernels::cuda
