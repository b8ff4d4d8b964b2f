#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels/cpu/target.h"

/// Vectors as wide as those of the target: plain values with +, *, < and ?:, which the compiler keeps in registers; for
/// inner loops that it does not vectorize well by itself. Everything that computes with vectors uses these. Where there
/// are intrinsics, the compiler makes worse code, or none, of what stands beside them.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

inline constexpr int64_t kVectorBytes = DIVVY_VECTOR_BYTES;
inline constexpr int kVectorRegisters = kVectorBytes == 64 ? 32 : 16;

namespace detail {
template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(kVectorBytes)));
};
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(kVectorBytes)));
};
}  // namespace detail

template <class T>
using Vector = typename detail::VectorOf<T>::type;

/// The elements of a Vector<T>.
template <class T>
inline constexpr int64_t kLanes = kVectorBytes / static_cast<int64_t>(sizeof(T));

template <class T>
inline Vector<T> load(const T* from) {
  Vector<T> v;
  std::memcpy(&v, from, sizeof(v));
  return v;
}

template <class T>
inline void store(T* to, const Vector<T>& v) {
  std::memcpy(to, &v, sizeof(v));
}

/// The same value in all lanes.
template <class T>
inline Vector<T> broadcast(T value) {
  return value - Vector<T>{};
}

namespace detail {
#if DIVVY_VECTOR_BYTES == 32
/// All bits of the first n lanes, for masked loads and stores.
template <class T>
inline __m256i first_lanes(int64_t n) {
  if constexpr (std::is_same_v<T, float>) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  } else {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
  }
}
#endif
}  // namespace detail

/// The first n lanes, 0 < n <= kLanes<T>; the others are zero, and the memory behind them is not read.
template <class T>
inline Vector<T> load_part(const T* from, int64_t n) {
#if DIVVY_VECTOR_BYTES == 64
  if constexpr (std::is_same_v<T, float>) {
    return reinterpret_cast<Vector<T>>(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), from));
  } else {
    return reinterpret_cast<Vector<T>>(_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), from));
  }
#elif DIVVY_VECTOR_BYTES == 32
  if constexpr (std::is_same_v<T, float>) {
    return reinterpret_cast<Vector<T>>(_mm256_maskload_ps(from, detail::first_lanes<T>(n)));
  } else {
    return reinterpret_cast<Vector<T>>(_mm256_maskload_pd(from, detail::first_lanes<T>(n)));
  }
#else
  Vector<T> v{};
  for (int64_t i = 0; i < n; ++i) v[i] = from[i];
  return v;
#endif
}

/// Stores the first n lanes, 0 < n <= kLanes<T>.
template <class T>
inline void store_part(T* to, const Vector<T>& v, int64_t n) {
#if DIVVY_VECTOR_BYTES == 64
  if constexpr (std::is_same_v<T, float>) {
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << n) - 1), reinterpret_cast<__m512>(v));
  } else {
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << n) - 1), reinterpret_cast<__m512d>(v));
  }
#elif DIVVY_VECTOR_BYTES == 32
  if constexpr (std::is_same_v<T, float>) {
    _mm256_maskstore_ps(to, detail::first_lanes<T>(n), reinterpret_cast<__m256>(v));
  } else {
    _mm256_maskstore_pd(to, detail::first_lanes<T>(n), reinterpret_cast<__m256d>(v));
  }
#else
  for (int64_t i = 0; i < n; ++i) to[i] = v[i];
#endif
}

/// The larger one in each lane; b where either is not a number.
template <class T>
inline Vector<T> max(const Vector<T>& a, const Vector<T>& b) {
#if DIVVY_VECTOR_BYTES == 64
  // By the masked form: g++ 12 warns of the plain one.
  if constexpr (std::is_same_v<T, float>) {
    return reinterpret_cast<Vector<T>>(
        _mm512_maskz_max_ps(0xffff, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
  }
#elif DIVVY_VECTOR_BYTES == 32
  if constexpr (std::is_same_v<T, float>) {
    return reinterpret_cast<Vector<T>>(_mm256_max_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
  }
#endif
  return a > b ? a : b;
}

namespace detail {
template <class V, int... I>
inline auto halves_added(const V& v, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(v, v, I...) + __builtin_shufflevector(v, v, (I + static_cast<int>(sizeof...(I)))...);
}
template <class T, class V>
inline T sum_of(const V& v) {
  constexpr int count = sizeof(V) / sizeof(T);
  if constexpr (sizeof(V) > 16)
    return sum_of<T>(halves_added(v, std::make_integer_sequence<int, count / 2>{}));
  else if constexpr (count == 4)
    return (v[0] + v[2]) + (v[1] + v[3]);
  else
    return v[0] + v[1];
}
}  // namespace detail

/// The sum of the lanes, by halves.
template <class T>
inline T sum_lanes(const Vector<T>& v) {
  return detail::sum_of<T>(v);
}

namespace detail {
template <class T, size_t... I>
inline Vector<T> shuffle(const Vector<T>& a, const Vector<T>& b, std::index_sequence<I...>) {
  return __builtin_shufflevector(a, b, static_cast<int>(I)...);
}
template <size_t First, size_t Step, size_t... I>
constexpr auto steps(std::index_sequence<I...>) {
  return std::index_sequence<(First + I * Step)...>{};
}
/// 0, n, 1, n + 1, ... for n lanes, from `First` on.
template <size_t First, size_t Lanes, size_t... I>
constexpr auto alternating(std::index_sequence<I...>) {
  return std::index_sequence<(First + I / 2 + I % 2 * Lanes)...>{};
}
template <class T>
using LaneIndices = std::make_index_sequence<static_cast<size_t>(kLanes<T>)>;
}  // namespace detail

/// The lanes 0, 2, 4, ... and 1, 3, 5, ... of a followed by b.
template <class T>
inline Vector<T> even_lanes(const Vector<T>& a, const Vector<T>& b) {
  return detail::shuffle<T>(a, b, detail::steps<0, 2>(detail::LaneIndices<T>{}));
}
template <class T>
inline Vector<T> odd_lanes(const Vector<T>& a, const Vector<T>& b) {
  return detail::shuffle<T>(a, b, detail::steps<1, 2>(detail::LaneIndices<T>{}));
}

/// The first and the second half of a[0], b[0], a[1], b[1], ...
template <class T>
inline Vector<T> low_pairs(const Vector<T>& a, const Vector<T>& b) {
  return detail::shuffle<T>(a, b, detail::alternating<0, kLanes<T>>(detail::LaneIndices<T>{}));
}
template <class T>
inline Vector<T> high_pairs(const Vector<T>& a, const Vector<T>& b) {
  return detail::shuffle<T>(a, b, detail::alternating<kLanes<T> / 2, kLanes<T>>(detail::LaneIndices<T>{}));
}

/// Transposes v as a matrix of kLanes<T> vectors: each round pairs its first half with its second.
template <class T>
inline void transpose(Vector<T>* v) {
  constexpr int64_t lanes = kLanes<T>;
  for (int64_t round = 1; round < lanes; round *= 2) {
    Vector<T> next[lanes];
#pragma GCC unroll 16
    for (int64_t i = 0; i < lanes / 2; ++i) {
      next[2 * i] = low_pairs<T>(v[i], v[i + lanes / 2]);
      next[2 * i + 1] = high_pairs<T>(v[i], v[i + lanes / 2]);
    }
#pragma GCC unroll 16
    for (int64_t i = 0; i < lanes; ++i) v[i] = next[i];
  }
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
