#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "kernels/cpu/simd/vector.h"

/// Samples in the lanes of vectors: what a kernel needs that computes with one sample in each lane.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET::stack {

template <class T>
struct Lanes {
  using Element = T;
  using Vec = Vector<T>;
  static constexpr int64_t kCount = kLanes<T>;
  /// Whether a mask is a register of its own, with a bit a lane.
  static constexpr bool kMaskBits = kVectorBytes == 64 && std::is_same_v<T, float>;
  /// A bit a lane, or all bits of a lane, or none.
  using Mask = std::conditional_t<kMaskBits, uint16_t, decltype(Vec{} > Vec{})>;

  /// The accumulators that fit in registers for a product, kOutputs x kTiles, and for a gradient of weights,
  /// kLeft x 4.
  static constexpr int kOutputs = kVectorBytes == 64 ? 6 : 3, kTiles = kVectorBytes == 16 ? 2 : 4;
  static constexpr int kLeft = kVectorBytes == 64 ? 6 : kVectorBytes == 32 ? 3 : 2;

  static Vec zero() { return Vec{}; }
  static Vec all(T value) { return broadcast(value); }
  static Vec load(const T* from) { return DIVVY_TARGET::load(from); }
  static void store(T* to, const Vec& v) { DIVVY_TARGET::store(to, v); }
  static Vec add(const Vec& a, const Vec& b) { return a + b; }
  /// a * b + c
  static Vec fma(const Vec& a, const Vec& b, const Vec& c) { return a * b + c; }
  static Vec max(const Vec& a, const Vec& b) { return DIVVY_TARGET::max<T>(a, b); }
  static Mask greater(const Vec& a, const Vec& b) {
#if DIVVY_VECTOR_BYTES == 64
    if constexpr (kMaskBits) {
      return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), _CMP_GT_OQ);
    }
#endif
    if constexpr (!kMaskBits) return a > b;
  }
  static Mask not_a_number(const Vec& a) {
#if DIVVY_VECTOR_BYTES == 64
    if constexpr (kMaskBits) {
      return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(a), _CMP_UNORD_Q);
    }
#endif
    if constexpr (!kMaskBits) return a != a;
  }
  static Vec select(const Mask& mask, const Vec& yes, const Vec& no) {
#if DIVVY_VECTOR_BYTES == 64
    if constexpr (kMaskBits) {
      return reinterpret_cast<Vec>(
          _mm512_mask_blend_ps(mask, reinterpret_cast<__m512>(no), reinterpret_cast<__m512>(yes)));
    }
#elif DIVVY_VECTOR_BYTES == 32
    if constexpr (std::is_same_v<T, float>) {
      return reinterpret_cast<Vec>(_mm256_blendv_ps(reinterpret_cast<__m256>(no), reinterpret_cast<__m256>(yes),
                                                    reinterpret_cast<__m256>(mask)));
    }
#endif
    if constexpr (!kMaskBits) return mask ? yes : no;
  }
  static Vec keep(const Mask& mask, const Vec& v) {
#if DIVVY_VECTOR_BYTES == 64
    if constexpr (kMaskBits) return reinterpret_cast<Vec>(_mm512_maskz_mov_ps(mask, reinterpret_cast<__m512>(v)));
#endif
    if constexpr (!kMaskBits) return reinterpret_cast<Vec>(mask & reinterpret_cast<Mask>(v));
  }
  static Mask choose(const Mask& mask, const Mask& yes, const Mask& no) {
    if constexpr (kMaskBits) {
      return static_cast<Mask>((mask & yes) | (~mask & no));
    } else {
      return reinterpret_cast<Mask>(select(mask, reinterpret_cast<Vec>(yes), reinterpret_cast<Vec>(no)));
    }
  }
  static Mask both(const Mask& a, const Mask& b) { return static_cast<Mask>(a & b); }
  static Mask invert(const Mask& a) { return static_cast<Mask>(~a); }
  static Mask mask_of(uint16_t bits) {
    if constexpr (kMaskBits) {
      return bits;
    } else {
      constexpr Mask lane = lane_bits(std::make_integer_sequence<int, static_cast<int>(kCount)>{});
      return ((bits - Mask{}) & lane) == lane;
    }
  }
  static uint16_t bits(const Mask& mask) {
#if DIVVY_VECTOR_BYTES == 32
    if constexpr (std::is_same_v<T, float>) {
      return static_cast<uint16_t>(_mm256_movemask_ps(reinterpret_cast<__m256>(mask)));
    }
#endif
    if constexpr (kMaskBits) {
      return mask;
    } else {
      unsigned result = 0;
      for (int i = 0; i < kCount; ++i) result |= static_cast<unsigned>(mask[i] & 1) << i;
      return static_cast<uint16_t>(result);
    }
  }

  static T sum(const Vec& v) { return sum_lanes<T>(v); }
  /// to[i] = the sum of the lanes of v[i], for four of them.
  static void sum4(const Vec* v, T* to) {
#if DIVVY_VECTOR_BYTES == 64
    if constexpr (kMaskBits) {
      // Halves of the lanes of two vectors side by side, then of four, then the four lanes of each quad.
      const Vec ab = in_fours<0, 1, 4, 5>(v[0], v[1]) + in_fours<2, 3, 6, 7>(v[0], v[1]);
      const Vec cd = in_fours<0, 1, 4, 5>(v[2], v[3]) + in_fours<2, 3, 6, 7>(v[2], v[3]);
      Vec all = in_fours<0, 2, 4, 6>(ab, cd) + in_fours<1, 3, 5, 7>(ab, cd);
      all += in_quads<2, 3, 0, 1>(all, all, LaneList{});
      all += in_quads<1, 0, 3, 2>(all, all, LaneList{});
      for (int i = 0; i < 4; ++i) to[i] = all[4 * i];
      return;
    }
#elif DIVVY_VECTOR_BYTES == 32
    if constexpr (std::is_same_v<T, float>) {
      const auto* m = reinterpret_cast<const __m256*>(v);
      const __m256 all = _mm256_hadd_ps(_mm256_hadd_ps(m[0], m[1]), _mm256_hadd_ps(m[2], m[3]));
      _mm_storeu_ps(to, _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1)));
      return;
    }
#endif
    for (int i = 0; i < 4; ++i) to[i] = sum(v[i]);
  }

  /// to[j, lane] = rows[lane][j] for j < n. Returns the largest magnitude, which is not finite where one is not.
  static T read_rows(const T* const* rows, int64_t n, T* to) {
    int64_t j = 0;
    T largest = 0;
    if constexpr (std::is_same_v<T, float>) {
      Largest most;
      // With AVX-512, 16 columns at a time: the loads of a row follow each other.
      constexpr int kRun = kVectorBytes == 64 ? 4 : 1;
      for (; j + 4 * kRun <= n; j += 4 * kRun) read_columns<kRun>(rows, j, to, most);
      for (; j + 4 <= n; j += 4) read_columns<1>(rows, j, to, most);
      largest = most.value();
    }
    for (; j < n; ++j) {
      for (int64_t lane = 0; lane < kCount; ++lane) {
        const T value = rows[lane][j], size = value < 0 ? -value : value;
        to[j * kCount + lane] = value;
        if (size > largest || size != size) largest = size;
      }
    }
    return largest;
  }
  /// rows[lane][j] = from[j, lane] for j < n and the first `count` lanes.
  static void write_rows(const T* from, int64_t n, int64_t count, T* const* rows) {
    int64_t j = 0;
    if constexpr (std::is_same_v<T, float>) {
      for (; j + 4 <= n; j += 4) {
        Vec v[4];
        for (int c = 0; c < 4; ++c) v[c] = load(from + (j + c) * kCount);
        transpose4(v);
        for (int r = 0; r < 4; ++r) write_quads(v[r], r, count, rows, j, std::make_integer_sequence<int, kQuads>{});
      }
    }
    for (; j < n; ++j) {
      for (int64_t lane = 0; lane < count; ++lane) rows[lane][j] = from[j * kCount + lane];
    }
  }

 private:
  template <int... I>
  static constexpr Mask lane_bits(std::integer_sequence<int, I...>) {
    return Mask{(1 << I)...};
  }

  static constexpr int kQuads = static_cast<int>(kCount) / 4;
  typedef T Quad __attribute__((vector_size(4 * sizeof(T))));
  using Bits = decltype(Vec{} > Vec{});

  /// The largest magnitude of the vectors it has seen: the bits of magnitudes are ordered as they are, and those of
  /// infinities and NaN come last.
  struct Largest {
    void see(const Vec& v) {
      const Bits magnitude = reinterpret_cast<Bits>(v) & (0x7fffffff - Bits{});
      bits = magnitude > bits ? magnitude : bits;
    }
    T value() const {
      int32_t most = 0;
      for (int i = 0; i < kCount; ++i) most = bits[i] > most ? static_cast<int32_t>(bits[i]) : most;
      float result;
      std::memcpy(&result, &most, sizeof(result));
      return static_cast<T>(result);
    }
    Bits bits{};
  };

  template <class Half, int... I>
  static auto join(const Half& a, const Half& b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, I...);
  }
  static Quad quad(const T* from) {
    Quad q;
    std::memcpy(&q, from, sizeof(q));
    return q;
  }
  /// Four columns of the rows r, r + 4, ...
  static Vec quads(const T* const* rows, int r, int64_t j) {
    using Eight = std::make_integer_sequence<int, 8>;
    if constexpr (kQuads == 1) {
      return quad(rows[r] + j);
    } else if constexpr (kQuads == 2) {
      return join(quad(rows[r] + j), quad(rows[r + 4] + j), Eight{});
    } else {
      return join(join(quad(rows[r] + j), quad(rows[r + 4] + j), Eight{}),
                  join(quad(rows[r + 8] + j), quad(rows[r + 12] + j), Eight{}), std::make_integer_sequence<int, 16>{});
    }
  }
  /// Four columns of four rows fill a vector; the rows are taken four apart, so that the transposition of each four
  /// lanes is that of the whole.
  template <int Run>
  static void read_columns(const T* const* rows, int64_t j, T* to, Largest& largest) {
    Vec v[Run][4];
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) {
#pragma GCC unroll 4
      for (int q = 0; q < Run; ++q) v[q][r] = quads(rows, r, j + 4 * q);
    }
#pragma GCC unroll 4
    for (int q = 0; q < Run; ++q) {
      transpose4(v[q]);
#pragma GCC unroll 4
      for (int c = 0; c < 4; ++c) {
        largest.see(v[q][c]);
        store(to + (j + 4 * q + c) * kCount, v[q][c]);
      }
    }
  }
  template <int... Q>
  static void write_quads(const Vec& v, int r, int64_t count, T* const* rows, int64_t j,
                          std::integer_sequence<int, Q...>) {
    const auto write = [&](int lane, const Quad& part) {
      if (lane < count) std::memcpy(rows[lane] + j, &part, sizeof(part));
    };
    (write(r + 4 * Q, __builtin_shufflevector(v, v, 4 * Q, 4 * Q + 1, 4 * Q + 2, 4 * Q + 3)), ...);
  }

  using LaneList = std::make_integer_sequence<int, static_cast<int>(kCount)>;
#if DIVVY_VECTOR_BYTES == 64
  /// Four whole quads of a and, from 4 on, of b.
  template <int A, int B, int C, int D>
  static Vec in_fours(const Vec& a, const Vec& b) {
    return __builtin_shufflevector(a, b, 4 * A, 4 * A + 1, 4 * A + 2, 4 * A + 3, 4 * B, 4 * B + 1, 4 * B + 2, 4 * B + 3,
                                   4 * C, 4 * C + 1, 4 * C + 2, 4 * C + 3, 4 * D, 4 * D + 1, 4 * D + 2, 4 * D + 3);
  }
#endif
  /// Lane 4 q + i of the result is lane 4 q + p of a for the i-th number p given, or, from 4 on, of b.
  template <int A, int B, int C, int D, int... I>
  static Vec in_quads(const Vec& a, const Vec& b, std::integer_sequence<int, I...>) {
    constexpr int of[4] = {A, B, C, D};
    return __builtin_shufflevector(a, b, (I / 4 * 4 + of[I % 4] % 4 + of[I % 4] / 4 * static_cast<int>(kCount))...);
  }
  /// Transposes the 4 x 4 numbers in each four lanes of four vectors.
  static void transpose4(Vec* v) {
    constexpr LaneList all;
    const Vec a = in_quads<0, 4, 1, 5>(v[0], v[1], all), b = in_quads<2, 6, 3, 7>(v[0], v[1], all);
    const Vec c = in_quads<0, 4, 1, 5>(v[2], v[3], all), d = in_quads<2, 6, 3, 7>(v[2], v[3], all);
    v[0] = in_quads<0, 1, 4, 5>(a, c, all), v[1] = in_quads<2, 3, 6, 7>(a, c, all);
    v[2] = in_quads<0, 1, 4, 5>(b, d, all), v[3] = in_quads<2, 3, 6, 7>(b, d, all);
  }
};

}  // namespace divvy::kernels::DIVVY_TARGET::stack
DIVVY_TARGET_END;
