#pragma once

#include <algorithm>
#include <bit>

#include "kernels/cuda/launch.cuh"

/// Work on a table: threads with neighboring columns are neighbors, whatever the number of columns.
namespace divvy::kernels::cuda {

template <class F>
__global__ void __launch_bounds__(kThreads)
    for_rows_kernel(int64_t rows, int64_t cols, int log2_lanes, const __grid_constant__ F f) {
  const int lanes = 1 << log2_lanes, rows_of_block = kThreads >> log2_lanes;
  const int lane = static_cast<int>(threadIdx.x) & (lanes - 1), own = static_cast<int>(threadIdx.x) >> log2_lanes;
  for (int64_t r = blockIdx.x * int64_t{rows_of_block} + own; r < rows; r += gridDim.x * int64_t{rows_of_block}) {
    for (int64_t c = blockIdx.y * int64_t{lanes} + lane; c < cols; c += gridDim.y * int64_t{lanes}) f(r, c);
  }
}

/// f(r, c) for r in [0, rows) and c in [0, cols), in any order. F: a function object with a __device__
/// operator()(int64_t, int64_t) const.
template <class F>
void for_rows(Device device, int64_t rows, int64_t cols, const F& f) {
  if (rows <= 0 || cols <= 0) return;
  const int64_t most = most_blocks(device);
  const auto lanes = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::min<int64_t>(cols, kThreads))));
  const int64_t rows_of_block = kThreads / lanes;
  const int64_t row_blocks = std::min((rows + rows_of_block - 1) / rows_of_block, most);
  const int64_t col_blocks = std::clamp<int64_t>((cols + lanes - 1) / lanes, 1, most / row_blocks);
  launch({device, dim3(static_cast<unsigned>(row_blocks), static_cast<unsigned>(col_blocks)), kThreads},
         for_rows_kernel<F>, rows, cols, std::countr_zero(static_cast<uint64_t>(lanes)), f);
}

}  // namespace divvy::kernels::cuda
