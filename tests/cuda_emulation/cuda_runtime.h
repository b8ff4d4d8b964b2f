#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "cuda_runtime_api.h"
#include "fibers.h"

/// What a kernel finds on the device, for kernels that run on the CPU.

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static thread_local
#define __constant__ const
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#define __grid_constant__

#define threadIdx (::cuda_emulation::position.thread)
#define blockIdx (::cuda_emulation::position.block)
#define blockDim (::cuda_emulation::position.block_size)
#define gridDim (::cuda_emulation::position.grid_size)
inline constexpr int warpSize = 32;

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline double2 make_double2(double x, double y) { return {x, y}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

inline void __syncthreads() { ::cuda_emulation::block_barrier(); }
inline void __syncwarp(unsigned mask = 0xffffffffu) { ::cuda_emulation::warp_exchange(mask, 0); }
inline void __threadfence() {}

namespace cuda_emulation {

template <class T>
T exchange_from(unsigned mask, T value, unsigned from) {
  static_assert(sizeof(T) <= 8);
  uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  const uint64_t* words = warp_exchange(mask, word);
  std::memcpy(&value, &words[from], sizeof value);
  return value;
}

}  // namespace cuda_emulation

template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32) {
  const unsigned lane = ::cuda_emulation::lane(), w = static_cast<unsigned>(width);
  return ::cuda_emulation::exchange_from(mask, value, (lane / w) * w + static_cast<unsigned>(from) % w);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32) {
  const unsigned lane = ::cuda_emulation::lane(), to = lane ^ static_cast<unsigned>(lanes);
  return ::cuda_emulation::exchange_from(
      mask, value, to / static_cast<unsigned>(width) == lane / static_cast<unsigned>(width) ? to : lane);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32) {
  const unsigned lane = ::cuda_emulation::lane(), w = static_cast<unsigned>(width);
  return ::cuda_emulation::exchange_from(mask, value, lane % w + by < w ? lane + by : lane);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32) {
  const unsigned lane = ::cuda_emulation::lane(), w = static_cast<unsigned>(width);
  return ::cuda_emulation::exchange_from(mask, value, lane % w >= by ? lane - by : lane);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const uint64_t* words = ::cuda_emulation::warp_exchange(mask, predicate != 0);
  unsigned result = 0;
  for (unsigned i = 0; i < 32; ++i) {
    if ((mask >> i & 1u) && words[i]) result |= 1u << i;
  }
  return result;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }
template <class T>
unsigned __match_any_sync(unsigned mask, T value) {
  uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  const uint64_t* words = ::cuda_emulation::warp_exchange(mask, word);
  unsigned result = 0;
  for (unsigned i = 0; i < 32; ++i) {
    if ((mask >> i & 1u) && words[i] == word) result |= 1u << i;
  }
  return result;
}

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1; }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>((uint64_t{a} * b) >> 32); }
template <class T>
T __ldg(const T* p) {
  return *p;
}
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }

// Integers alone: a sum of floats would depend on the order of the threads.
inline int atomicAdd(int* at, int value) { return __atomic_fetch_add(at, value, __ATOMIC_RELAXED); }
inline unsigned atomicAdd(unsigned* at, unsigned value) { return __atomic_fetch_add(at, value, __ATOMIC_RELAXED); }
inline unsigned long long atomicAdd(unsigned long long* at, unsigned long long value) {
  return __atomic_fetch_add(at, value, __ATOMIC_RELAXED);
}
inline int atomicOr(int* at, int value) { return __atomic_fetch_or(at, value, __ATOMIC_RELAXED); }
inline unsigned atomicOr(unsigned* at, unsigned value) { return __atomic_fetch_or(at, value, __ATOMIC_RELAXED); }
inline int atomicExch(int* at, int value) { return __atomic_exchange_n(at, value, __ATOMIC_RELAXED); }
inline int atomicCAS(int* at, int expected, int value) {
  __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
}
inline unsigned long long atomicMin(unsigned long long* at, unsigned long long value) {
  unsigned long long old = __atomic_load_n(at, __ATOMIC_RELAXED);
  while (value < old && !__atomic_compare_exchange_n(at, &old, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}

// Exact beyond the last place, as the originals nearly are.
inline float normcdff(float x) { return static_cast<float>(std::erfc(-x / std::sqrt(2.0)) / 2); }
inline double normcdf(double x) { return static_cast<double>(std::erfc(-x / std::sqrt(2.0L)) / 2); }

using std::isfinite;
using std::isinf;
using std::isnan;
using std::max;
using std::min;
