#pragma once

#include <cuda_runtime.h>

/// Sums and maxima over the threads of a warp or a block, always in the same order: same bits from run to run.
namespace divvy::kernels::cuda {

struct Sum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

/// The larger, and NaN where one is NaN.
struct Maximum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

/// Every lane of the warp gets the result. All 32 lanes take part.
template <class T, class Op>
__device__ T warp_reduce(T value, Op op) {
  for (int lanes = 16; lanes > 0; lanes /= 2) value = op(value, __shfl_xor_sync(0xffffffffu, value, lanes));
  return value;
}

/// Every thread of the block gets the result. blockDim.x is a multiple of 32, and all threads take part; the block has
/// one dimension.
template <class T, class Op>
__device__ T block_reduce(T value, T neutral, Op op) {
  __shared__ T of_warp[32];
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  const int warps = static_cast<int>(blockDim.x / 32);
  value = warp_reduce(value, op);
  __syncthreads();  // an earlier reduction may still be read
  if (lane == 0) of_warp[warp] = value;
  __syncthreads();
  return warp_reduce(lane < warps ? of_warp[lane] : neutral, op);
}

}  // namespace divvy::kernels::cuda
