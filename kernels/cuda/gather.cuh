#pragma once

#include "kernels/cuda/for_rows.cuh"
#include "kernels/cuda/vector.cuh"
#include "tensor/cuda/fault.h"

/// Selecting and adding up by index along a leading or the last axis: what rows, index_select, gather_last, pick and
/// top_k share. An index out of range raises the fault, selects zeros and receives nothing.
namespace divvy::kernels::cuda {

/// to[r] = from[r / count * size + index[r % count]], rows of words.
template <class Word>
struct SelectRows {
  const Word* from;
  const int64_t* index;
  Word* to;
  int64_t words, size, count;
  bool one_part;  ///< all rows are of one part: r / count is 0
  divvy::cuda::Fault fault;

  __device__ void operator()(int64_t r, int64_t c) const {
    const int64_t part = one_part ? 0 : r / count, at = index[r - part * count];
    const bool there = at >= 0 && at < size;
    to[r * words + c] = there ? from[(part * size + at) * words + c] : Word{};
    if (!there && c == 0) fault.raise();
  }
};

/// y[o, n, ...] = x[o, index[n], ...] for `parts` parts o of x with `size` rows of `row_bytes` each.
inline void select_rows(const Tensor& x, int64_t parts, int64_t size, int64_t row_bytes, const Tensor& index, Tensor& y,
                        divvy::cuda::Fault fault) {
  const void* from = x.bytes();
  void* to = y.mutable_bytes();
  visit_word(row_bytes, {from, to}, [&]<class Word>() {
    const int64_t words = row_bytes / static_cast<int64_t>(sizeof(Word)), count = index.numel();
    for_rows(x.device(), parts * count, words,
             SelectRows<Word>{static_cast<const Word*>(from), index.data<int64_t>(), static_cast<Word*>(to), words,
                              size, count, parts == 1, fault});
  });
}

/// to[r, j] = from[r, index[r, j]]; with an index_stride of 0 all rows have the same index.
template <class Word>
struct SelectLast {
  const Word* from;
  const int64_t* index;
  Word* to;
  int64_t cols, k, index_stride;
  divvy::cuda::Fault fault;

  __device__ void operator()(int64_t r, int64_t j) const {
    const int64_t at = index[r * index_stride + j];
    const bool there = at >= 0 && at < cols;
    to[r * k + j] = there ? from[r * cols + at] : Word{};
    if (!there) fault.raise();
  }
};

/// to[r, c] = sum of from[r, j] over the j with index[r, j] = c, in the order of j. A warp a row.
template <class T>
__global__ void __launch_bounds__(kThreads)
    add_last_kernel(const T* from, const int64_t* index, int64_t rows, int64_t cols, int64_t k, int64_t index_stride,
                    divvy::cuda::Fault fault, T* to) {
  const int64_t r = blockIdx.x * int64_t{kThreads / 32} + threadIdx.x / 32;
  if (r >= rows) return;  // whole warps
  const int lane = static_cast<int>(threadIdx.x % 32);
  from += r * k;
  index += r * index_stride;
  to += r * cols;
  for (int64_t c = lane; c < cols; c += 32) to[c] = 0;
  for (int64_t first = 0; first < k; first += 32) {
    __syncwarp();  // what other lanes wrote is read now
    const int64_t j = first + lane, at = j < k ? index[j] : -1;
    const bool there = at >= 0 && at < cols;
    if (j < k && !there) fault.raise();
    // The lanes with the same target leave the sum to the first of them.
    const unsigned peers = __match_any_sync(0xffffffffu, static_cast<long long>(there ? at : -1));
    if (!there || __ffs(static_cast<int>(peers)) - 1 != lane) continue;
    T sum = to[at];
    for (unsigned left = peers; left != 0; left &= left - 1) sum += from[first + __ffs(static_cast<int>(left)) - 1];
    to[at] = sum;
  }
}

template <class T>
void add_last(const Tensor& dy, const Tensor& index, int64_t k, int64_t index_stride, divvy::cuda::Fault fault,
              Tensor& dx) {
  const int64_t rows = dx.shape().rows(), cols = dx.shape().cols();
  if (dx.numel() == 0) return;
  launch({dx.device(), static_cast<unsigned>((rows + kThreads / 32 - 1) / (kThreads / 32)), kThreads},
         add_last_kernel<T>, dy.data<T>(), index.data<int64_t>(), rows, cols, k, index_stride, fault,
         dx.mutable_data<T>());
}

}  // namespace divvy::kernels::cuda
