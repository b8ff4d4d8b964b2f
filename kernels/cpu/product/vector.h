#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/// Vectors of `Bytes` bytes for the products of matrices. In an unnamed namespace, since it is compiled for several
/// instruction sets: with one name the linker could pick the copy of one of them for all.
namespace divvy::kernels::cpu {
namespace {

template <class T, int Bytes>
struct ProductVector {
  typedef T V __attribute__((vector_size(Bytes)));
  static constexpr int64_t kLanes = Bytes / static_cast<int>(sizeof(T));

  static V load(const T* from) {
    V v;
    std::memcpy(&v, from, sizeof(v));
    return v;
  }
  static void store(T* to, const V& v) { std::memcpy(to, &v, sizeof(v)); }
  static V all(T value) { return value - V{}; }

  /// The first n lanes, 0 < n <= kLanes; the others are zero.
  static V load_part(const T* from, int64_t n) {
#if defined(__AVX512F__)
    if constexpr (Bytes == 64 && std::is_same_v<T, float>) {
      return reinterpret_cast<V>(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), from));
    } else if constexpr (Bytes == 64) {
      return reinterpret_cast<V>(_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), from));
    }
#endif
#if defined(__AVX2__)
    if constexpr (Bytes == 32 && std::is_same_v<T, float>) {
      return reinterpret_cast<V>(_mm256_maskload_ps(from, mask(n)));
    } else if constexpr (Bytes == 32) {
      return reinterpret_cast<V>(_mm256_maskload_pd(from, mask(n)));
    }
#endif
    V v{};
    for (int64_t i = 0; i < n; ++i) v[i] = from[i];
    return v;
  }
  static void store_part(T* to, const V& v, int64_t n) {
#if defined(__AVX512F__)
    if constexpr (Bytes == 64 && std::is_same_v<T, float>) {
      return _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << n) - 1), reinterpret_cast<__m512>(v));
    } else if constexpr (Bytes == 64) {
      return _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << n) - 1), reinterpret_cast<__m512d>(v));
    }
#endif
#if defined(__AVX2__)
    if constexpr (Bytes == 32 && std::is_same_v<T, float>) {
      return _mm256_maskstore_ps(to, mask(n), reinterpret_cast<__m256>(v));
    } else if constexpr (Bytes == 32) {
      return _mm256_maskstore_pd(to, mask(n), reinterpret_cast<__m256d>(v));
    }
#endif
    for (int64_t i = 0; i < n; ++i) to[i] = v[i];
  }

  /// Transposes v as a matrix of kLanes vectors: each round interleaves its first half with its second.
  static void transpose(V* v) {
    for (int64_t round = 1; round < kLanes; round *= 2) {
      V next[kLanes];
#pragma GCC unroll 16
      for (int64_t i = 0; i < kLanes / 2; ++i) {
        next[2 * i] = interleave<0>(v[i], v[i + kLanes / 2], Indices{});
        next[2 * i + 1] = interleave<kLanes / 2>(v[i], v[i + kLanes / 2], Indices{});
      }
#pragma GCC unroll 16
      for (int64_t i = 0; i < kLanes; ++i) v[i] = next[i];
    }
  }

 private:
  using Indices = std::make_integer_sequence<int, static_cast<int>(kLanes)>;
  /// a[First], b[First], a[First + 1], b[First + 1], ...
  template <int First, int... I>
  static V interleave(const V& a, const V& b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, (First + I / 2 + I % 2 * static_cast<int>(kLanes))...);
  }
#if defined(__AVX2__)
  static __m256i mask(int64_t n) {
    if constexpr (std::is_same_v<T, float>) {
      return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    } else {
      return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
    }
  }
#endif
};

}  // namespace
}  // namespace divvy::kernels::cpu
