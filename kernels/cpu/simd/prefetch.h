#pragma once

#include <algorithm>
#include <cstdint>

namespace divvy::kernels::cpu {

/// Asks for a row that is read or written soon and that the processor cannot foresee, since its place comes from an
/// index; of a long row for the beginning, behind which the processor reads ahead by itself.
template <bool write = false>
void prefetch_row(const void* row, int64_t bytes) {
  constexpr int64_t kLine = 64, kMost = 2048;
  const char* line = static_cast<const char*>(row);
  for (int64_t i = 0; i < std::min(bytes, kMost); i += kLine) __builtin_prefetch(line + i, write ? 1 : 0, 3);
}

/// How many rows ahead: enough for the time that memory takes.
inline int64_t prefetch_distance(int64_t row_bytes) { return 1 + 2048 / std::max<int64_t>(row_bytes, 64); }

}  // namespace divvy::kernels::cpu
