#include "kernels/combine.h"

#include <bit>

#include "kernels/cuda/for_rows.cuh"
#include "kernels/cuda/vector.cuh"
#include "tensor/cuda/device_memory.h"
#include "tensor/cuda/fault.h"

namespace divvy::kernels::cuda {

namespace {

/// Rows of fewer bytes in all are cleared at no cost that could be measured.
constexpr int64_t kLarge = 8 << 20;

/// The rows that the samples read or write: rows[position[b, j]].
struct Positions {
  const int64_t* at;
  int64_t k, rows;
  divvy::cuda::Fault fault;

  /// The row of choice i = b k + j, -1 where there is none.
  __device__ int64_t operator()(int64_t i) const {
    const int64_t row = at[i];
    if (row >= -1 && row < rows) return row;
    fault.raise();
    return -1;
  }
};

Positions positions_of(const char* out_of_range, const Tensor& position, int64_t rows) {
  return {position.data<int64_t>(), position.size(1), rows, divvy::cuda::fault(position.device().index, out_of_range)};
}

template <class T, int N>
struct Combine {
  const Vector<T, N>* rows;
  const T* weights;
  Positions position;
  Vector<T, N>* y;
  int64_t cols;

  __device__ void operator()(int64_t b, int64_t c) const {
    Vector<T, N> sum{};
#pragma unroll 4
    for (int64_t i = b * position.k; i < (b + 1) * position.k; ++i) {
      const int64_t row = position(i);
      if (row < 0) continue;
      const T weight = weights[i];
      const Vector<T, N> x = rows[row * cols + c];
      for (int n = 0; n < N; ++n) sum.v[n] += weight * x.v[n];
    }
    y[b * cols + c] = sum;
  }
};

template <class T, int N>
struct CombineBackwardRows {
  const Vector<T, N>* dy;
  const T* weights;
  Positions position;
  Vector<T, N>* drows;
  int64_t cols;

  __device__ void operator()(int64_t b, int64_t c) const {
    const Vector<T, N> upstream = dy[b * cols + c];
#pragma unroll 1
    for (int64_t i = b * position.k; i < (b + 1) * position.k; ++i) {
      const int64_t row = position(i);
      if (row < 0) continue;
      const T weight = weights[i];
      Vector<T, N> x;
      for (int n = 0; n < N; ++n) x.v[n] = weight * upstream.v[n];
      drows[row * cols + c] = x;
    }
  }
};

struct MarkNamed {
  Positions position;
  uint8_t* named;
  __device__ void operator()(int64_t i) const {
    const int64_t row = position(i);
    if (row >= 0) named[row] = 1;
  }
};

template <class T, int N>
struct ClearUnnamed {
  const uint8_t* named;
  Vector<T, N>* drows;
  int64_t cols;
  __device__ void operator()(int64_t row, int64_t c) const {
    if (!named[row]) drows[row * cols + c] = Vector<T, N>{};
  }
};

/// Writes zeros to the rows that no position names, or to all where that costs no more.
template <class T, int N>
void clear_rows(const Positions& position, int64_t choices, Tensor& drows) {
  const Device device = drows.device();
  // A dispatch names every row, so that all of them would be written twice.
  if (drows.nbytes() < kLarge || drows.size(0) > choices) {
    return divvy::cuda::zero_bytes(drows.mutable_bytes(), device.index, static_cast<size_t>(drows.nbytes()));
  }
  Tensor named = Tensor::zeros({drows.size(0)}, DType::u8, device);
  auto* mark = named.mutable_data<uint8_t>();
  const int64_t cols = drows.size(1) / N;
  for_each(device, choices, MarkNamed{position, mark});
  for_rows(device, drows.size(0), cols,
           ClearUnnamed<T, N>{mark, reinterpret_cast<Vector<T, N>*>(drows.mutable_data<T>()), cols});
}

/// dweights[i] = <rows[position[i]], dy[i / k]>; 2^log2_lanes lanes of a warp for each i.
template <class T, int N>
__global__ void __launch_bounds__(kThreads)
    combine_backward_weights_kernel(const Vector<T, N>* rows, const Vector<T, N>* dy, Positions position,
                                    int64_t choices, int64_t cols, int log2_lanes, T* dweights) {
  const int lanes = 1 << log2_lanes, lane = static_cast<int>(threadIdx.x) & (lanes - 1);
  const int64_t i = (blockIdx.x * int64_t{kThreads} + threadIdx.x) >> log2_lanes;
  const int64_t row = i < choices ? position(i) : -1;
  T sum = 0;
  if (row >= 0) {
    const Vector<T, N>*x = rows + row * cols, *upstream = dy + i / position.k * cols;
    for (int64_t c = lane; c < cols; c += lanes) {
      const Vector<T, N> a = x[c], b = upstream[c];
      for (int n = 0; n < N; ++n) sum += a.v[n] * b.v[n];
    }
  }
  for (int by = lanes / 2; by > 0; by /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, by);
  if (i < choices && lane == 0) dweights[i] = sum;
}

template <class T, int N>
const Vector<T, N>* vectors(const Tensor& t) {
  return reinterpret_cast<const Vector<T, N>*>(t.data<T>());
}

}  // namespace

void combine(const Tensor& rows, const Tensor& weights, const Tensor& position, Tensor& y) {
  if (y.numel() == 0) return;
  const Positions at = positions_of("combine: a position is out of range", position, rows.size(0));
  visit_floating("combine", rows.dtype(), [&]<class T>() {
    T* out = y.mutable_data<T>();
    visit_width<T>(rows.size(1), {rows.bytes(), out}, [&]<int N>() {
      const int64_t cols = rows.size(1) / N;
      for_rows(y.device(), y.size(0), cols,
               Combine<T, N>{vectors<T, N>(rows), weights.data<T>(), at, reinterpret_cast<Vector<T, N>*>(out), cols});
    });
  });
}

void combine_backward_rows(const Tensor& weights, const Tensor& position, const Tensor& dy, Tensor& drows) {
  if (drows.numel() == 0) return;
  const Positions at = positions_of("combine_backward_rows: a position is out of range", position, drows.size(0));
  visit_floating("combine_backward_rows", dy.dtype(), [&]<class T>() {
    T* out = drows.mutable_data<T>();
    visit_width<T>(dy.size(1), {dy.bytes(), out}, [&]<int N>() {
      const int64_t cols = dy.size(1) / N;
      clear_rows<T, N>(at, position.numel(), drows);
      for_rows(dy.device(), dy.size(0), cols,
               CombineBackwardRows<T, N>{vectors<T, N>(dy), weights.data<T>(), at, reinterpret_cast<Vector<T, N>*>(out),
                                         cols});
    });
  });
}

void combine_backward_weights(const Tensor& rows, const Tensor& position, const Tensor& dy, Tensor& dweights) {
  const int64_t choices = position.numel();
  if (choices == 0) return;
  const Positions at = positions_of("combine_backward_weights: a position is out of range", position, rows.size(0));
  visit_floating("combine_backward_weights", dy.dtype(), [&]<class T>() {
    visit_width<T>(dy.size(1), {rows.bytes(), dy.bytes()}, [&]<int N>() {
      const int64_t cols = dy.size(1) / N;
      const auto lanes = std::bit_ceil(static_cast<uint64_t>(std::clamp<int64_t>(cols, 1, 32)));
      const int64_t a_block = kThreads / static_cast<int64_t>(lanes);
      launch({dy.device(), static_cast<unsigned>((choices + a_block - 1) / a_block), kThreads},
             combine_backward_weights_kernel<T, N>, vectors<T, N>(rows), vectors<T, N>(dy), at, choices, cols,
             std::countr_zero(lanes), dweights.mutable_data<T>());
    });
  });
}

}  // namespace divvy::kernels::cuda
