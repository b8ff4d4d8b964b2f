#pragma once

#include <cstdint>

#include "kernels/cpu/target.h"

/// Samples into the lanes of a tile. V is Lanes<T>.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET::stack {

/// Zeros around planes of rows x cols vectors; `data` is the corner of the border.
template <class V, class T>
void clear_border(T* data, int64_t channels, int64_t rows, int64_t cols, int64_t border) {
  if (border == 0) return;
  const int64_t height = rows + 2 * border, width = cols + 2 * border;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t i = 0; i < height; ++i) {
      T* row = data + (c * height + i) * width * V::kCount;
      const bool inside = i >= border && i < border + rows;
      for (int64_t j = 0; j < width; ++j) {
        if (inside && j == border) j += cols;
        V::store(row + j * V::kCount, V::zero());
      }
    }
  }
}

template <class V, class T>
T read_tile(const T* const* rows, int64_t count, int64_t channels, int64_t height, int64_t width, int64_t border,
            T* scratch, T* tile) {
  const int64_t size = channels * height * width;
  // Lanes without a sample read zeros.
  const T* from[V::kCount];
  T* zeros = scratch;
  for (int64_t i = 0; count < V::kCount && i < size; ++i) zeros[i] = 0;
  for (int64_t lane = 0; lane < V::kCount; ++lane) from[lane] = lane < count ? rows[lane] : zeros;
  if (border == 0) return V::read_rows(from, size, tile);
  T* whole = scratch + (size + 15) / 16 * 16;
  const T largest = V::read_rows(from, size, whole);
  clear_border<V>(tile, channels, height, width, border);
  const int64_t padded_height = height + 2 * border, padded_width = width + 2 * border;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t i = 0; i < height; ++i) {
      T* to = tile + ((c * padded_height + i + border) * padded_width + border) * V::kCount;
      const T* row = whole + (c * height + i) * width * V::kCount;
      for (int64_t j = 0; j < width; ++j) V::store(to + j * V::kCount, V::load(row + j * V::kCount));
    }
  }
  return largest;
}

}  // namespace divvy::kernels::DIVVY_TARGET::stack
DIVVY_TARGET_END;
