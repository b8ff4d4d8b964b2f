#pragma once

#include <cuda_runtime.h>

/// Sums of what the threads before have.
namespace divvy::kernels::cuda {

/// The sum of `value` over the threads of the block before this one. blockDim.x is a multiple of 32, and all threads
/// take part; the block has one dimension. For integers: the order of addition is not that of the threads.
template <class T>
__device__ T block_sum_before(T value) {
  __shared__ T of_warp[32];
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  T sum = value;
  for (int by = 1; by < 32; by *= 2) {
    const T before = __shfl_up_sync(0xffffffffu, sum, by);
    if (lane >= by) sum += before;
  }
  __syncthreads();  // an earlier use of of_warp may still be read
  if (lane == 31) of_warp[warp] = sum;
  __syncthreads();
  T before_warp = 0;
  for (int w = 0; w < warp; ++w) before_warp += of_warp[w];
  return before_warp + sum - value;
}

}  // namespace divvy::kernels::cuda
