#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "tensor/shape.h"

namespace divvy::kernels {

/// N operands that broadcast to one output, with neighboring axes merged where every operand allows it. Equal shapes
/// and scalars end as one axis; [rows, cols] with [cols] or with [rows, 1] as two. Along the last axis a stride is 1 or
/// 0.
template <size_t N>
struct BroadcastPlan {
  int rank = 0;  ///< at least 1
  std::array<int64_t, Shape::kMaxRank> sizes{};
  std::array<std::array<int64_t, Shape::kMaxRank>, N> strides{};  ///< 0 where the operand is repeated

  BroadcastPlan(const Shape& output, const std::array<Shape, N>& operands) {
    // From the last axis to the first; the arrays are turned round at the end.
    std::array<int64_t, N> step;
    step.fill(1);
    for (int back = 1; back <= output.rank(); ++back) {
      const int64_t size = output[-back];
      std::array<int64_t, N> stride;
      for (size_t n = 0; n < N; ++n) {
        const int64_t own = back <= operands[n].rank() ? operands[n][-back] : 1;
        stride[n] = own == 1 ? 0 : step[n];
        step[n] *= own;
      }
      if (size != 1) add(size, stride);
    }
    if (rank == 0) {
      step.fill(1);
      add(1, step);
    }
    std::reverse(sizes.begin(), sizes.begin() + rank);
    for (auto& s : strides) std::reverse(s.begin(), s.begin() + rank);
  }

  int64_t stride(size_t operand) const { return strides[operand][static_cast<size_t>(rank - 1)]; }

 private:
  void add(int64_t size, const std::array<int64_t, N>& stride) {
    const auto last = static_cast<size_t>(rank - 1);
    bool merges = rank > 0;
    for (size_t n = 0; n < N && merges; ++n) merges = stride[n] == strides[n][last] * sizes[last];
    if (merges) {
      sizes[last] *= size;
      return;
    }
    const auto at = static_cast<size_t>(rank++);
    sizes[at] = size;
    for (size_t n = 0; n < N; ++n) strides[n][at] = stride[n];
  }
};

}  // namespace divvy::kernels
