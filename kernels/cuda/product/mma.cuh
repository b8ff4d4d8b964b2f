#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>

#include "tensor/dtype.h"

/// The instructions of the tensor cores, and copies to shared memory that run beside the threads; from sm_80 on. In the
/// build that emulates CUDA they do what the documentation of PTX says of them.
///
/// A warp holds each matrix together. With g = lane / 4 and t = lane % 4 a lane has
///
///     m16n8k8, tf32     A: (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4)      B: (t, g), (t + 4, g)
///     m16n8k16, bf16    A: (g, 2t..), (g + 8, 2t..), (g, 2t + 8..), (g + 8, 2t + 8..)   B: (2t.., g), (2t + 8.., g)
///     both              C: (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
///
/// as (row, column), where 2t.. stands for two neighbors along the terms in one register, the first in its low half.
namespace divvy::kernels::cuda {

#ifdef DIVVY_CUDA_EMULATION

inline uint32_t to_tf32(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  return std::isfinite(x) ? (bits + 0x1000u) & ~0x1fffu : bits;  // to nearest, ties away from zero
}

inline uint32_t to_bf16x2(float low, float high) { return bf16(low).bits | uint32_t{bf16(high).bits} << 16; }

namespace emulation {

/// C += A B by the threads of a warp. term(registers, lane, row or column, k) finds an element in what the lanes
/// brought.
template <int kTerms, class A, class B>
void multiply(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const A& a_at, const B& b_at) {
  uint64_t words[3][32];
  const uint64_t mine[3] = {a[0] | uint64_t{a[1]} << 32, a[2] | uint64_t{a[3]} << 32, b[0] | uint64_t{b[1]} << 32};
  for (int i = 0; i < 3; ++i) {
    std::memcpy(words[i], cuda_emulation::warp_exchange(0xffffffffu, mine[i]), sizeof words[i]);
  }
  const auto a_register = [&](unsigned lane, unsigned i) {
    return static_cast<uint32_t>(words[i / 2][lane] >> (i % 2 * 32));
  };
  const auto b_register = [&](unsigned lane, unsigned i) { return static_cast<uint32_t>(words[2][lane] >> (i * 32)); };
  const unsigned g = cuda_emulation::lane() / 4, t = cuda_emulation::lane() % 4;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = g + i / 2 * 8, col = 2 * t + i % 2;
    double sum = 0;
    for (unsigned k = 0; k < kTerms; ++k) sum += a_at(a_register, row, k) * b_at(b_register, k, col);
    c[i] += static_cast<float>(sum);
  }
}

}  // namespace emulation

inline void multiply_tf32(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulation::multiply<8>(
      c, a, b,
      [](const auto& of, unsigned row, unsigned k) {
        return double{std::bit_cast<float>(of(row % 8 * 4 + k % 4, row / 8 + k / 4 * 2))};
      },
      [](const auto& of, unsigned k, unsigned col) {
        return double{std::bit_cast<float>(of(col * 4 + k % 4, k / 4))};
      });
}

inline void multiply_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const auto half = [](uint32_t pair, unsigned which) {
    return double{std::bit_cast<float>(which == 0 ? pair << 16 : pair & 0xffff0000u)};
  };
  emulation::multiply<16>(
      c, a, b,
      [&](const auto& of, unsigned row, unsigned k) {
        return half(of(row % 8 * 4 + k % 8 / 2, row / 8 + k / 8 * 2), k % 2);
      },
      [&](const auto& of, unsigned k, unsigned col) { return half(of(col * 4 + k % 8 / 2, k / 8), k % 2); });
}

template <int kBytes>
void copy_async(void* shared, const void* global, bool valid) {
  cuda_emulation::copy_async(shared, global, kBytes, valid);
}
inline void commit_copies() { cuda_emulation::commit_copies(); }
template <int kPending>
void wait_for_copies() {
  cuda_emulation::wait_for_copies(kPending);
}

#else

/// x rounded to tf32, ties away from zero.
__device__ inline uint32_t to_tf32(float x) {
  uint32_t result;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(result) : "f"(x));
  return result;
}

/// Both rounded as by bf16(float).
__device__ inline uint32_t to_bf16x2(float low, float high) {
  uint32_t result;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
}

/// C += A B, with f32 sums.
__device__ inline void multiply_tf32(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ inline void multiply_bf16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// Starts a copy of kBytes, 4 or 16, from global to shared memory, both aligned to that; of zeros where not valid, and
/// then `global` may be any address that can be read.
template <int kBytes>
__device__ void copy_async(void* shared, const void* global, bool valid) {
  const auto to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  if constexpr (kBytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(valid ? 16 : 0)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(global), "r"(valid ? 4 : 0) : "memory");
  }
}
/// The copies started since the last call become one group.
__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until all but the last kPending groups of this thread are there.
template <int kPending>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

#endif

}  // namespace divvy::kernels::cuda
