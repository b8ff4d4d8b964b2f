#include "kernels/top_k.h"

#include "kernels/cuda/gather.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/top_entry.cuh"

namespace divvy::kernels::cuda {

namespace {

constexpr int64_t kLongRow = 4096;

/// The threads that share a row: a warp, or a block for long rows.
struct Warp {
  static constexpr int kRows = kThreads / 32, kStep = 32;
  __device__ int64_t row() const { return blockIdx.x * int64_t{kRows} + threadIdx.x / 32; }
  __device__ int64_t first() const { return threadIdx.x % 32; }
  template <class T>
  __device__ Entry<T> reduce(Entry<T> best) const {
    return warp_first(best);
  }
};

struct Block {
  static constexpr int kRows = 1, kStep = kThreads;
  __device__ int64_t row() const { return blockIdx.x; }
  __device__ int64_t first() const { return threadIdx.x; }
  template <class T>
  __device__ Entry<T> reduce(Entry<T> best) const {
    __shared__ T value[kThreads / 32];
    __shared__ long long index[kThreads / 32];
    best = warp_first(best);
    const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
    __syncthreads();  // the last round may still be read
    if (lane == 0) {
      value[warp] = best.value;
      index[warp] = best.index;
    }
    __syncthreads();
    return warp_first(lane < kThreads / 32 ? Entry<T>{value[lane], index[lane]} : Entry<T>{T{}, -1});
  }
};

/// k rounds, each of which finds the first entry that comes after the one of the round before.
template <class Team, class T>
__global__ void __launch_bounds__(kThreads)
    top_k_kernel(const T* x, int64_t rows, int64_t cols, int64_t k, T* values, int64_t* indices) {
  const Team team;
  const int64_t r = team.row();
  if (r >= rows) return;  // whole teams at a time
  x += r * cols;
  Entry<T> last{T{}, -1};
  for (int64_t j = 0; j < k; ++j) {
    Entry<T> best{T{}, -1};
    for (int64_t c = team.first(); c < cols; c += Team::kStep) {
      const Entry<T> entry{x[c], c};
      if ((j == 0 || last.before(entry)) && entry.before(best)) best = entry;
    }
    last = team.reduce(best);
    if (team.first() == 0) {
      values[r * k + j] = last.value;
      indices[r * k + j] = last.index;
    }
  }
}

}  // namespace

void top_k(const Tensor& x, Tensor& values, Tensor& indices) {
  const int64_t rows = x.shape().rows(), cols = x.shape().cols(), k = indices.shape().cols();
  if (rows == 0) return;
  visit_floating("top_k", x.dtype(), [&]<class T>() {
    const auto run = [&]<class Team>(Team) {
      launch({x.device(), static_cast<unsigned>((rows + Team::kRows - 1) / Team::kRows), kThreads},
             top_k_kernel<Team, T>, x.data<T>(), rows, cols, k, values.mutable_data<T>(),
             indices.mutable_data<int64_t>());
    };
    cols > kLongRow ? run(Block()) : run(Warp());
  });
}

void top_k_backward(const Tensor& indices, const Tensor& dy, Tensor& dx) {
  const auto fault = divvy::cuda::fault(dy.device().index, "top_k_backward: an index is out of range");
  const int64_t k = indices.shape().cols();
  visit_floating("top_k_backward", dy.dtype(), [&]<class T>() { add_last<T>(dy, indices, k, k, fault, dx); });
}

}  // namespace divvy::kernels::cuda
