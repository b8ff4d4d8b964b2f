#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <tuple>

#include "tensor/cuda/check.h"
#include "tensor/cuda/stream.h"
#include "tensor/device.h"

/// Kernels are launched in the compute stream of the device, and every launch is checked for errors. In the build that
/// emulates CUDA the same kernels run on the CPU.
namespace divvy::cuda {

struct Grid {
  Device device;
  dim3 blocks;              ///< none may be 0; a caller with nothing to do must not launch
  dim3 threads;             ///< in each block
  size_t shared_bytes = 0;  ///< size of the memory that dynamic_shared() returns
};

/// kernel<<<grid>>>(arguments...)
template <class... Parameters, class... Arguments>
void launch(const Grid& grid, void (*kernel)(Parameters...), Arguments&&... arguments) {
  const DeviceGuard guard(grid.device.index);
#ifdef DIVVY_CUDA_EMULATION
  cuda_emulation::launch(
      grid.blocks, grid.threads, grid.shared_bytes,
      [kernel, all = std::tuple<Parameters...>(std::forward<Arguments>(arguments)...)] { std::apply(kernel, all); });
#else
  if (grid.shared_bytes > (48 << 10)) {
    DIVVY_CUDA_CHECK(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(grid.shared_bytes)));
  }
  kernel<<<grid.blocks, grid.threads, grid.shared_bytes, compute_stream(grid.device.index)>>>(
      std::forward<Arguments>(arguments)...);
  DIVVY_CUDA_CHECK(cudaGetLastError());
#endif
}

/// The shared memory that a launch asked for, aligned to 128 bytes.
template <class T>
__device__ T* dynamic_shared() {
#ifdef DIVVY_CUDA_EMULATION
  return reinterpret_cast<T*>(cuda_emulation::dynamic_shared());
#else
  extern __shared__ __align__(128) unsigned char divvy_dynamic_shared[];
  return reinterpret_cast<T*>(divvy_dynamic_shared);
#endif
}

inline constexpr int kThreads = 256;

/// The largest number of blocks worth launching: the device is busy with these, and kernels use grid-stride loops.
inline int64_t most_blocks(Device device) { return int64_t{16} * multiprocessors(device.index); }

/// The number of blocks of kThreads threads for `count` elements.
inline unsigned blocks_for(Device device, int64_t count) {
  return static_cast<unsigned>(std::clamp<int64_t>((count + kThreads - 1) / kThreads, 1, most_blocks(device)));
}

template <class F>
__global__ void __launch_bounds__(kThreads) for_each_kernel(int64_t count, F f) {
  for (int64_t i = blockIdx.x * int64_t{kThreads} + threadIdx.x; i < count; i += gridDim.x * int64_t{kThreads}) f(i);
}

/// f(i) for i in [0, count), in any order. F: a function object with a __device__ operator()(int64_t) const.
template <class F>
void for_each(Device device, int64_t count, const F& f) {
  if (count > 0) launch({device, blocks_for(device, count), kThreads}, for_each_kernel<F>, count, f);
}

}  // namespace divvy::cuda
