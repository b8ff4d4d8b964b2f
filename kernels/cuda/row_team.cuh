#pragma once

#include <cuda_runtime.h>

#include <type_traits>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce_block.cuh"

/// The threads that share a row: a warp, or for rows longer than kLongRow a block.
namespace divvy::kernels::cuda {

inline constexpr int64_t kLongRow = 1024;

struct WarpOfRow {
  __device__ int64_t row() const { return blockIdx.x * int64_t{kThreads / 32} + threadIdx.x / 32; }
  __device__ int64_t first() const { return threadIdx.x % 32; }
  __device__ int64_t step() const { return 32; }
  template <class T, class Op>
  __device__ T reduce(T value, T, Op op) const {
    return warp_reduce(value, op);
  }
};

struct BlockOfRow {
  __device__ int64_t row() const { return blockIdx.x; }
  __device__ int64_t first() const { return threadIdx.x; }
  __device__ int64_t step() const { return kThreads; }
  template <class T, class Op>
  __device__ T reduce(T value, T neutral, Op op) const {
    return block_reduce(value, neutral, op);
  }
};

/// A grid with a team for each row: kernels return at once where team.row() is none, whole teams at a time.
template <class Team>
Grid grid_of_rows(Device device, int64_t rows) {
  const int64_t a_block = std::is_same_v<Team, WarpOfRow> ? kThreads / 32 : 1;
  return {device, static_cast<unsigned>((rows + a_block - 1) / a_block), kThreads};
}

}  // namespace divvy::kernels::cuda
