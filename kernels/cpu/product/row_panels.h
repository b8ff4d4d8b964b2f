#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/cpu/product/code.h"
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

/// Panels, or tasks with panels, in the order in which they are best started: the largest first, so that no thread is
/// left with one at the end.
template <class Unit>
void sort_by_rows(std::vector<Unit>& units) {
  std::stable_sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) { return a.rows() > b.rows(); });
}

/// The rows of the input that the rows of an operation are read from; nullptr where row i is read from row i.
inline const int64_t* samples_of(const Segments& segments) {
  return segments.sample.defined() ? segments.sample.data<int64_t>() : nullptr;
}

/// The rows that the segments read from x, in place.
template <class T>
MatrixView<T> rows_of(const Tensor& x, const Segments& segments) {
  return {x.data<T>(), x.size(1), false, samples_of(segments)};
}

}  // namespace divvy::kernels::cpu
