#pragma once

#include "kernels/gather_samples.h"

#ifdef __CUDACC__
#define DIVVY_ANYWHERE __host__ __device__
#else
#define DIVVY_ANYWHERE
#endif

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

  /// Where pixel (row, column) comes from in its plane, or -1 for the padding.
  DIVVY_ANYWHERE int64_t source(int64_t row, int64_t column) const {
    const int64_t r = inside(top + row, height), c = inside(left + (mirrored ? width - 1 - column : column), width);
    return r < 0 || c < 0 ? -1 : r * width + c;
  }

 private:
  DIVVY_ANYWHERE int64_t inside(int64_t at, int64_t size) const {
    if (reflect && at < 0) at = -at;
    if (reflect && at >= size) at = 2 * (size - 1) - at;
    return at >= 0 && at < size ? at : -1;
  }
};

}  // namespace divvy::kernels

#undef DIVVY_ANYWHERE
