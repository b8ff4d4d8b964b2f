#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "kernels/broadcast_plan.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/vector.cuh"

/// Kernels that compute each element of one tensor from those of others. Neighboring elements are read and written
/// together where every tensor is aligned for it; views may start anywhere.
namespace divvy::kernels::cuda {

template <int N, class T>
__device__ Vector<T, N> load(const T* from) {
  return *reinterpret_cast<const Vector<T, N>*>(from);
}
template <int N, class T>
__device__ void store(T* to, const Vector<T, N>& pack) {
  *reinterpret_cast<Vector<T, N>*>(to) = pack;
}

/// How many elements the largest of these types has in 16 bytes.
template <class... T>
inline constexpr int kPerAccess = static_cast<int>(16 / std::max({sizeof(T)...}));

template <int N, class T>
bool aligned(const T* p) {
  return reinterpret_cast<uintptr_t>(p) % (sizeof(T) * N) == 0;
}

template <class Y, int N, class F, class... X>
__device__ Vector<Y, N> apply(const F& f, const Vector<X, N>&... x) {
  Vector<Y, N> y;
#pragma unroll
  for (int j = 0; j < N; ++j) y.v[j] = f(x.v[j]...);
  return y;
}

template <int N, class F, class Y, class... X>
__global__ void __launch_bounds__(kThreads) map_kernel(int64_t count, F f, Y* y, const X*... x) {
  const int64_t packs = count / N, step = gridDim.x * int64_t{kThreads};
  const int64_t own = blockIdx.x * int64_t{kThreads} + threadIdx.x;
#pragma unroll 1
  for (int64_t p = own; p < packs; p += step) store<N>(y + p * N, apply<Y, N>(f, load<N>(x + p * N)...));
  const int64_t i = packs * N + own;
  if (i < count) y[i] = f(x[i]...);
}

/// y[i] = f(x[i]...) for i in [0, count); y may be one of x. F: a function object with a __device__ operator().
template <class F, class Y, class... X>
void map(Device device, int64_t count, const F& f, Y* y, const X*... x) {
  if (count == 0) return;
  constexpr int N = kPerAccess<Y, X...>;
  if (N > 1 && aligned<N>(y) && (aligned<N>(x) && ...)) {
    launch({device, blocks_for(device, count / N), kThreads}, map_kernel<N, F, Y, X...>, count, f, y, x...);
  } else {
    launch({device, blocks_for(device, count), kThreads}, map_kernel<1, F, Y, X...>, count, f, y, x...);
  }
}

/// A tensor that is repeated along the axes of the result which it lacks.
template <class T>
struct Operand {
  const T* data;
  const Shape& shape;
};

/// a / b for numbers that are not negative; in 32 bits, where they fit, the division is several times faster.
__device__ inline int64_t quotient(int64_t a, int64_t b) {
  return ((a | b) >> 32) == 0 ? static_cast<uint32_t>(a) / static_cast<uint32_t>(b) : a / b;
}

/// Where the elements of K operands lie that belong to an element of the result.
template <int K>
struct Strides {
  int rank;
  bool moves[K];
  int64_t sizes[Shape::kMaxRank];
  int64_t strides[K][Shape::kMaxRank];

  explicit Strides(const BroadcastPlan<K>& plan) : rank(plan.rank) {
    for (size_t axis = 0; axis < Shape::kMaxRank; ++axis) {
      sizes[axis] = plan.sizes[axis];
      for (size_t k = 0; k < K; ++k) strides[k][axis] = plan.strides[k][axis];
    }
    for (size_t k = 0; k < K; ++k) moves[k] = plan.stride(k) != 0;
  }

  __device__ void offsets(int64_t at, int64_t (&to)[K]) const {
#pragma unroll
    for (int k = 0; k < K; ++k) to[k] = 0;
    for (int axis = rank - 1; axis > 0; --axis) {
      const int64_t next = quotient(at, sizes[axis]), own = at - next * sizes[axis];
#pragma unroll
      for (int k = 0; k < K; ++k) to[k] += own * strides[k][axis];
      at = next;
    }
#pragma unroll
    for (int k = 0; k < K; ++k) to[k] += at * strides[k][0];
  }
};

template <int N, class T>
__device__ Vector<T, N> load_or_repeat(const T* from, bool moves) {
  if (moves) return load<N>(from);
  Vector<T, N> all;
#pragma unroll
  for (int j = 0; j < N; ++j) all.v[j] = *from;
  return all;
}

template <int N, class F, class Y, class... X, size_t... K>
__device__ void broadcast_pack(int64_t at, const Strides<sizeof...(X)>& strides, const F& f, std::index_sequence<K...>,
                               Y* y, const X*... x) {
  int64_t offset[sizeof...(X)];
  strides.offsets(at, offset);
  store<N>(y + at, apply<Y, N>(f, load_or_repeat<N>(x + offset[K], strides.moves[K])...));
}

template <int N, class F, class Y, class... X>
__global__ void __launch_bounds__(kThreads)
    broadcast_kernel(int64_t count, Strides<sizeof...(X)> strides, F f, Y* y, const X*... x) {
  const std::index_sequence_for<X...> all;
  const int64_t packs = count / N, step = gridDim.x * int64_t{kThreads};
  const int64_t own = blockIdx.x * int64_t{kThreads} + threadIdx.x;
#pragma unroll 1
  for (int64_t p = own; p < packs; p += step) broadcast_pack<N>(p * N, strides, f, all, y, x...);
  const int64_t i = packs * N + own;
  if (i < count) broadcast_pack<1>(i, strides, f, all, y, x...);
}

/// y[i] = f(x...) for each element i of `output`, with the elements of the operands that broadcast to it; y may be an
/// operand of its own shape.
template <class F, class Y, class... X>
void broadcast_map(Device device, const Shape& output, const F& f, Y* y, Operand<X>... x) {
  const int64_t count = output.numel();
  if (count == 0) return;
  constexpr int K = sizeof...(X), N = kPerAccess<Y, X...>;
  const BroadcastPlan<K> plan(output, {x.shape...});
  const Strides<K> strides(plan);
  // The elements of a pack must be neighbors in every operand, or one and the same.
  bool together = N > 1 && aligned<N>(y) && (plan.rank == 1 || strides.sizes[plan.rank - 1] % N == 0);
  size_t k = 0;
  ((together = together && (!strides.moves[k] || aligned<N>(x.data)), ++k), ...);
  if (together) {
    launch({device, blocks_for(device, count / N), kThreads}, broadcast_kernel<N, F, Y, X...>, count, strides, f, y,
           x.data...);
  } else {
    launch({device, blocks_for(device, count), kThreads}, broadcast_kernel<1, F, Y, X...>, count, strides, f, y,
           x.data...);
  }
}

}  // namespace divvy::kernels::cuda
