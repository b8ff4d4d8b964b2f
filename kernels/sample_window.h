#pragma once

#include "kernels/border.h"
#include "kernels/gather_samples.h"

namespace divvy::kernels {

/// The part of an image that goes into a batch; see SampleChanges.
struct SampleWindow {
  int64_t top, left, height, width;
  bool mirrored, reflect;

  /// `words`: the first three of the image's block, or more.
  DIVVY_ANYWHERE SampleWindow(const SampleChanges& changes, const uint32_t* words, int64_t h, int64_t w)
      : height(h), width(w), reflect(changes.reflect) {
    const auto choices = static_cast<uint64_t>(2 * changes.padding + 1);
    top = static_cast<int64_t>((words[0] * choices) >> 32) - changes.padding;
    left = static_cast<int64_t>((words[1] * choices) >> 32) - changes.padding;
    mirrored = changes.flip && (words[2] & 1u) != 0;
  }

  /// The row, or column, of the image that a row or column of the window shows, or -1 for the padding.
  DIVVY_ANYWHERE int64_t source_row(int64_t row) const { return inside(top + row, height); }
  DIVVY_ANYWHERE int64_t source_column(int64_t column) const {
    return inside(left + (mirrored ? width - 1 - column : column), width);
  }

  /// Where pixel (row, column) comes from in its plane, or -1 for the padding.
  DIVVY_ANYWHERE int64_t source(int64_t row, int64_t column) const {
    const int64_t r = source_row(row), c = source_column(column);
    return r < 0 || c < 0 ? -1 : r * width + c;
  }

 private:
  DIVVY_ANYWHERE int64_t inside(int64_t at, int64_t size) const {
    const int64_t from = reflect ? reflected(at, size) : at;
    return from >= 0 && from < size ? from : -1;
  }
};

}  // namespace divvy::kernels
