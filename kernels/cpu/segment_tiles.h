#pragma once

#include <algorithm>
#include <vector>

#include "kernels/segments.h"

namespace divvy::kernels::cpu {

/// A run of rows of one expert: a unit of parallel work.
struct SegmentTile {
  int64_t expert, begin, end;
};

/// Cuts the segments of `rows` rows, expert by expert, into tiles of at most `tile` rows. Empty segments give none.
inline std::vector<SegmentTile> segment_tiles(const Segments& segments, int64_t rows, int64_t tile) {
  std::vector<SegmentTile> tiles;
  for (int64_t e = 0; e < segments.experts(); ++e) {
    const int64_t* offsets = segments.grouped() ? segments.offsets.data<int64_t>() : nullptr;
    const int64_t begin = offsets ? offsets[e] : 0, end = offsets ? offsets[e + 1] : rows;
    for (int64_t from = begin; from < end; from += tile) tiles.push_back({e, from, std::min(from + tile, end)});
  }
  return tiles;
}

}  // namespace divvy::kernels::cpu
