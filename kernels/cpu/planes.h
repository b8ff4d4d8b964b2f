#pragma once

#include <algorithm>

#include "kernels/cpu/simd/vector.h"
#include "kernels/cpu/target.h"

/// Copies between images whose rows lie at different distances, in whole vectors: the rows of small images are too
/// short for memcpy to pay.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

/// Copies `rows` rows of `width` elements; rows start `from_pitch` and `to_pitch` elements apart. With `zero_gaps`,
/// what lies between the rows of `to` becomes zero; otherwise it is left undefined. Reads nothing outside of [from, the
/// end of the last row) and writes nothing outside of the same range of `to`.
template <class T>
inline void copy_rows(const T* from, int64_t from_pitch, T* to, int64_t to_pitch, int64_t rows, int64_t width,
                      bool zero_gaps = false) {
  constexpr int64_t lanes = kLanes<T>;
  const int64_t vectors = (width + lanes - 1) / lanes, gap = to_pitch - width;
  const T* const from_end = from + (rows - 1) * from_pitch + width;
  T* const to_end = to + (rows - 1) * to_pitch + width;
  for (int64_t r = 0; r < rows; ++r, from += from_pitch, to += to_pitch) {
    // The last vector may write past the row: the next rows then write over it.
    if (vectors * lanes <= std::min<int64_t>(from_end - from, to_end - to)) {
      for (int64_t v = 0; v < vectors; ++v) store<T>(to + v * lanes, load(from + v * lanes));
    } else {
      std::copy(from, from + width, to);
    }
    if (!zero_gaps || r + 1 == rows) continue;
    if (gap <= lanes && lanes <= to_end - (to + width)) {
      store<T>(to + width, Vector<T>{});
    } else {
      std::fill(to + width, to + to_pitch, T(0));
    }
  }
}

/// Puts `planes` planes [height, width] into the middle of planes of the given pitch and size, whose first row and
/// column of data are `top` and `left`. The rows above and below must be zero already; they stay untouched.
template <class T>
inline void pad_planes(const T* from, int64_t planes, int64_t height, int64_t width, T* to, int64_t to_plane,
                       int64_t to_pitch, int64_t top, int64_t left) {
  if (height == 0 || width == 0) return;
  for (int64_t c = 0; c < planes; ++c) {
    copy_rows(from + c * height * width, width, to + c * to_plane + top * to_pitch + left, to_pitch, height, width,
              true);
  }
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
