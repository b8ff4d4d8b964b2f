#include "kernels/cpu/product/row_panels.h"

#include <algorithm>

namespace divvy::kernels::cpu {

std::vector<RowPanel> expert_rows(const Segments& segments, int64_t rows) {
  if (!segments.grouped()) return {{0, 0, rows}};
  const int64_t* offsets = segments.offsets.data<int64_t>();
  std::vector<RowPanel> result;
  result.reserve(static_cast<size_t>(segments.experts()));
  for (int64_t e = 0; e < segments.experts(); ++e) result.push_back({e, offsets[e], offsets[e + 1]});
  return result;
}

std::vector<RowPanel> row_panels(const Segments& segments, int64_t rows, int64_t limit) {
  std::vector<RowPanel> result;
  for (const RowPanel& all : expert_rows(segments, rows)) {
    for (int64_t begin = all.begin; begin < all.end; begin += limit) {
      result.push_back({all.expert, begin, std::min(begin + limit, all.end)});
    }
  }
  return result;
}

}  // namespace divvy::kernels::cpu
