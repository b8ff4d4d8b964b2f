#include "kernels/permute.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/target.h"
#include "kernels/permute_axes.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

constexpr int64_t kWork = 16384;  // elements that are worth a task of their own
constexpr int64_t kBlock = 32;    // a block of 32 x 32 elements is read and written while it is in the first cache

using Axis = PermutedAxis;

/// Where a combination of indices of `axes`, counted row-major, starts in x and in y.
struct Offsets {
  int64_t from = 0, to = 0;
};
Offsets offsets_at(const std::vector<Axis>& axes, int64_t combination) {
  Offsets offsets;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    const int64_t index = combination % axis->size;
    combination /= axis->size;
    offsets.from += index * axis->from;
    offsets.to += index * axis->to;
  }
  return offsets;
}

int64_t combinations(const std::vector<Axis>& axes) {
  int64_t count = 1;
  for (const Axis& axis : axes) count *= axis.size;
  return count;
}

/// The last axis stays last: whole runs are copied.
template <class T>
void copy_runs(const T* x, std::vector<Axis> outer, T* y) {
  const Axis run = outer.back();
  outer.pop_back();
  parallel_tiles(combinations(outer), std::max<int64_t>(1, kWork / run.size), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Offsets at = offsets_at(outer, i);
      std::memcpy(y + at.to, x + at.from, static_cast<size_t>(run.size) * sizeof(T));
    }
  });
}

/// to[r * to_stride + c] = from[c * from_stride + r].
template <class T>
void transpose_block(const T* from, int64_t from_stride, int64_t rows, int64_t cols, T* to, int64_t to_stride) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) to[r * to_stride + c] = from[c * from_stride + r];
  }
}

/// The axis that is contiguous in x is not the last of y: a transposition of these two axes for each combination of the
/// others, in blocks.
template <class T>
void transpose_planes(const T* x, std::vector<Axis> outer, size_t contiguous, T* y) {
  const Axis rows = outer[contiguous], cols = outer.back();
  outer.pop_back();
  outer.erase(outer.begin() + static_cast<std::ptrdiff_t>(contiguous));
  const int64_t bands = (rows.size + kBlock - 1) / kBlock;
  const int64_t work = std::min(rows.size, kBlock) * cols.size;
  parallel_tiles(combinations(outer) * bands, std::max<int64_t>(1, kWork / work), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const Offsets at = offsets_at(outer, task / bands);
      const int64_t r = task % bands * kBlock;
      for (int64_t c = 0; c < cols.size; c += kBlock) {
        transpose_block(x + at.from + r + c * cols.from, cols.from, std::min(kBlock, rows.size - r),
                        std::min(kBlock, cols.size - c), y + at.to + r * rows.to + c, rows.to);
      }
    }
  });
}

template <class T>
void permute_elements(const std::byte* x, const std::vector<Axis>& axes, std::byte* y) {
  const T* from = reinterpret_cast<const T*>(x);
  T* to = reinterpret_cast<T*>(y);
  const auto contiguous = std::ranges::find(axes, int64_t{1}, &Axis::from) - axes.begin();
  if (axes.back().from == 1) return copy_runs<T>(from, axes, to);
  transpose_planes<T>(from, axes, static_cast<size_t>(contiguous), to);
}

}  // namespace

void permute(const Tensor& x, const std::vector<int>& axes, Tensor& y) {
  if (x.numel() == 0) return;
  std::vector<Axis> merged = merged_axes(x.shape(), axes);
  if (merged.empty()) merged.push_back({1, 1, 1});
  const std::byte* from = x.bytes();
  std::byte* to = y.mutable_bytes();
  switch (size_of(x.dtype())) {
    case 1: return permute_elements<uint8_t>(from, merged, to);
    case 2: return permute_elements<uint16_t>(from, merged, to);
    case 4: return permute_elements<uint32_t>(from, merged, to);
    default: return permute_elements<uint64_t>(from, merged, to);
  }
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
