#pragma once

#include "kernels/cuda/counting_sort.cuh"
#include "kernels/cuda/for_rows.cuh"
#include "kernels/cuda/vector.cuh"
#include "tensor/cuda/device_memory.h"

/// Adding up rows by index without atomics: an inverse index says for each target which rows it receives, and each
/// target adds them up in their order.
namespace divvy::kernels::cuda {

/// to[p * size + t] = sum of from[p * count + source[i]] over i in [offsets[t], offsets[t + 1]), rows of `cols`
/// vectors.
template <class T, int N>
struct AddListed {
  const Vector<T, N>* from;
  const int64_t *offsets, *source;
  Vector<T, N>* to;
  int64_t cols, size, count;
  bool one_part;

  __device__ void operator()(int64_t r, int64_t c) const {
    const int64_t part = one_part ? 0 : r / size, target = r - part * size;
    const int64_t end = offsets[target + 1];
    Vector<T, N> sum{};
#pragma unroll(16 / sizeof(T))
    for (int64_t i = offsets[target]; i < end; ++i) {
      const Vector<T, N> x = from[(part * count + source[i]) * cols + c];
      for (int n = 0; n < N; ++n) sum.v[n] += x.v[n];
    }
    to[r * cols + c] = sum;
  }
};

/// y[p, t, ...] = sum of x[p, n, ...] over the n with index[n] = t, in the order of n. x: `parts` times index.numel()
/// rows, y: `parts` times `size` rows, not empty. An index outside [0, size) raises the fault, and its row is left out.
inline void add_rows(const Tensor& x, int64_t parts, const Tensor& index, int64_t size, divvy::cuda::Fault fault,
                     Tensor& y) {
  const int64_t count = index.numel(), row = y.numel() / (parts * size);
  if (count == 0) {
    return divvy::cuda::zero_bytes(y.mutable_bytes(), y.device().index, static_cast<size_t>(y.nbytes()));
  }
  const CountingSort inverse = sort_assignments(index.reshape({count, 1}), size, {fault, 0});
  visit_floating("add_rows", x.dtype(), [&]<class T>() {
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    visit_width<T>(row, {from, to}, [&]<int N>() {
      for_rows(y.device(), parts * size, row / N,
               AddListed<T, N>{reinterpret_cast<const Vector<T, N>*>(from), inverse.offsets.data<int64_t>(),
                               inverse.sample.data<int64_t>(), reinterpret_cast<Vector<T, N>*>(to), row / N, size,
                               count, parts == 1});
    });
  });
}

}  // namespace divvy::kernels::cuda
