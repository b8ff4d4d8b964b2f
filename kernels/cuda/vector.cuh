#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <initializer_list>

/// Several neighboring elements as one: memory is read and written 16 bytes at a time where rows and alignment allow.
namespace divvy::kernels::cuda {

template <class T, int N>
struct alignas(sizeof(T) * N) Vector {
  T v[N];
};

/// Whether rows of `row_bytes` that start at these addresses consist of whole, aligned pieces of `piece` bytes.
inline bool divides_rows(int64_t piece, int64_t row_bytes, std::initializer_list<const void*> starts) {
  bool fits = row_bytes % piece == 0;
  for (const void* start : starts)
    fits = fits && reinterpret_cast<uintptr_t>(start) % static_cast<uint64_t>(piece) == 0;
  return fits;
}

/// Calls f.operator()<N>() with the most elements of T, up to 16 bytes, in which rows of `cols` elements that start at
/// these addresses can be taken.
template <class T, class F>
void visit_width(int64_t cols, std::initializer_list<const void*> starts, const F& f) {
  constexpr auto kSize = static_cast<int64_t>(sizeof(T));
  if (divides_rows(16, cols * kSize, starts)) return f.template operator()<16 / sizeof(T)>();
  if constexpr (sizeof(T) < 8) {
    if (divides_rows(8, cols * kSize, starts)) return f.template operator()<8 / sizeof(T)>();
  }
  f.template operator()<1>();
}

/// Calls f.operator()<Word>() with the widest type, up to 16 bytes, in which rows of `row_bytes` that start at these
/// addresses can be copied.
template <class F>
void visit_word(int64_t row_bytes, std::initializer_list<const void*> starts, const F& f) {
  if (divides_rows(16, row_bytes, starts)) return f.template operator()<uint4>();
  if (divides_rows(8, row_bytes, starts)) return f.template operator()<uint2>();
  if (divides_rows(4, row_bytes, starts)) return f.template operator()<uint32_t>();
  if (divides_rows(2, row_bytes, starts)) return f.template operator()<uint16_t>();
  f.template operator()<uint8_t>();
}

}  // namespace divvy::kernels::cuda
