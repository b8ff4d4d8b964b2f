#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels/cpu/target.h"

/// Vectors as wide as those of the target. They are plain values with + and *, which the
/// compiler keeps in registers: for inner loops that it does not vectorize well by itself.
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

/// The sum of the lanes, by halves.
template <class T>
inline T sum_lanes(const Vector<T>& v) {
  T lanes[kLanes<T>];
  std::memcpy(lanes, &v, sizeof(v));
  for (int64_t width = kLanes<T> / 2; width > 0; width /= 2) {
    for (int64_t i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
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

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
