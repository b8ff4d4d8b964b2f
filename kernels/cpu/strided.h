#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/broadcast_plan.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

/// How the element-wise CPU kernels walk over operands that broadcast.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

/// Calls f(at, offsets, count) for the runs along the last axis that make up the output elements [begin, end): `at` is
/// the first output element of the run, offsets[n] the first element of operand n.
template <size_t N, class F>
void for_runs(const BroadcastPlan<N>& plan, int64_t begin, int64_t end, const F& f) {
  const auto last = static_cast<size_t>(plan.rank - 1);
  std::array<int64_t, Shape::kMaxRank> index{};
  std::array<int64_t, N> offsets{};
  int64_t rest = begin;
  for (size_t axis = last + 1; axis-- > 0;) {
    index[axis] = rest % plan.sizes[axis];
    rest /= plan.sizes[axis];
    for (size_t n = 0; n < N; ++n) offsets[n] += index[axis] * plan.strides[n][axis];
  }
  for (int64_t at = begin; at < end;) {
    const int64_t count = std::min(end - at, plan.sizes[last] - index[last]);
    f(at, offsets, count);
    at += count;
    index[last] += count;
    for (size_t n = 0; n < N; ++n) offsets[n] += count * plan.strides[n][last];
    for (size_t axis = last; axis > 0 && index[axis] == plan.sizes[axis]; --axis) {
      index[axis] = 0;
      ++index[axis - 1];
      for (size_t n = 0; n < N; ++n) {
        offsets[n] += plan.strides[n][axis - 1] - plan.sizes[axis] * plan.strides[n][axis];
      }
    }
  }
}

/// body(at + i, a_i, b_i) for the elements i of one run. The body comes by value: what it points to must not be
/// reachable for its own stores, or the loops would not vectorize.
template <class T, class F>
void for_pairs_of_run(const T* a, bool a_moves, const T* b, bool b_moves, int64_t at, int64_t count, F body) {
  const T one_a = *a, one_b = *b;
  if (a_moves && b_moves) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) body(at + i, a[i], b[i]);
  } else if (a_moves) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) body(at + i, a[i], one_b);
  } else if (b_moves) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) body(at + i, one_a, b[i]);
  } else {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) body(at + i, one_a, one_b);
  }
}

/// Calls body(i, a_i, b_i) for every element i of an output, with the elements of a and b that broadcast to it; in
/// parallel.
template <class T, class F>
void for_pairs(const Shape& output, const T* a, const Shape& a_shape, const T* b, const Shape& b_shape, const F& body) {
  const BroadcastPlan<2> plan(output, {a_shape, b_shape});
  const bool a_moves = plan.stride(0) != 0, b_moves = plan.stride(1) != 0;
  parallel_tiles(output.numel(), 16384, [&](int64_t begin, int64_t end) {
    for_runs(plan, begin, end, [&](int64_t at, const std::array<int64_t, 2>& offsets, int64_t count) {
      for_pairs_of_run(a + offsets[0], a_moves, b + offsets[1], b_moves, at, count, body);
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
