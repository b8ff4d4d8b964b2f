#include "kernels/concat.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

constexpr int64_t kPiece = 65536;  // bytes that are worth a task of their own

/// Runs of bytes in two places, at a stride each.
struct Runs {
  const std::byte* from;
  int64_t from_stride;
  std::byte* to;
  int64_t to_stride;
  int64_t length;
  int64_t count;
};

void copy(const Runs& runs) {
  if (runs.length == 0) return;
  // Long runs are cut into pieces, short ones are taken together.
  const int64_t pieces = (runs.length + kPiece - 1) / kPiece;
  const int64_t tile = std::max<int64_t>(1, kPiece / runs.length);
  parallel_tiles(runs.count * pieces, tile, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t run = i / pieces, start = i % pieces * kPiece;
      std::memcpy(runs.to + run * runs.to_stride + start, runs.from + run * runs.from_stride + start,
                  static_cast<size_t>(std::min(kPiece, runs.length - start)));
    }
  });
}

/// The runs of a tensor along `axis`: how many there are, and their length in bytes.
int64_t run_count(const Tensor& t, int axis) { return t.shape().range(0, axis).numel(); }
int64_t run_length(const Tensor& t, int axis) { return t.shape().range(axis).numel() * size_of(t.dtype()); }
int64_t entry_length(const Tensor& t, int axis) { return t.shape().range(axis + 1).numel() * size_of(t.dtype()); }

}  // namespace

void concat(const std::vector<Tensor>& parts, int axis, Tensor& y) {
  std::byte* to = y.mutable_bytes();
  const int64_t stride = run_length(y, axis);
  for (const Tensor& part : parts) {
    const int64_t length = run_length(part, axis);
    copy({part.bytes(), length, to, stride, length, run_count(y, axis)});
    to += length;
  }
}

void concat_part(const Tensor& y, int axis, int64_t begin, Tensor& part) {
  const int64_t length = run_length(part, axis);
  copy({y.bytes() + begin * entry_length(y, axis), run_length(y, axis), part.mutable_bytes(), length, length,
        run_count(y, axis)});
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
