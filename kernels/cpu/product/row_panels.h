#pragma once

#include <cstdint>
#include <vector>

#include "kernels/segments.h"

namespace divvy::kernels::cpu {

/// The rows [begin, end) of one expert.
struct RowPanel {
  int64_t expert, begin, end;
  int64_t rows() const { return end - begin; }
};

/// The rows [begin, end) of each expert; where `segments` has no offsets, one expert has all the rows.
std::vector<RowPanel> expert_rows(const Segments& segments, int64_t rows);

/// The same cut into panels of at most `limit` rows, in the order of the rows. An expert with no rows has no panel.
std::vector<RowPanel> row_panels(const Segments& segments, int64_t rows, int64_t limit);

}  // namespace divvy::kernels::cpu
