#include "kernels/where.h"

#include "kernels/cpu/strided.h"
#include "kernels/cpu/target.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

/// One run along the last axis. An operand that does not move is read at its first element only.
template <bool a_moves, bool b_moves, class T>
void choose(const uint8_t* condition, const T* a, const T* b, int64_t count, T* y) {
  const T one_a = *a, one_b = *b;
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const T from_a = a_moves ? a[i] : one_a, from_b = b_moves ? b[i] : one_b;
    y[i] = condition[i] != 0 ? from_a : from_b;
  }
}

template <class T>
void repeat(const T* x, bool moves, int64_t count, T* y) {
  if (moves) {
    std::copy_n(x, count, y);
  } else {
    std::fill_n(y, count, *x);
  }
}

}  // namespace

void where(const Tensor& condition, const Tensor& a, const Tensor& b, Tensor& y) {
  visit_any(a.dtype(), [&]<class T>() {
    const BroadcastPlan<3> plan(y.shape(), {condition.shape(), a.shape(), b.shape()});
    const bool condition_moves = plan.stride(0) != 0, a_moves = plan.stride(1) != 0, b_moves = plan.stride(2) != 0;
    const uint8_t* mask = condition.data<uint8_t>();
    const T *from_a = a.data<T>(), *from_b = b.data<T>();
    T* out = y.mutable_data<T>();
    parallel_tiles(y.numel(), 16384, [&](int64_t begin, int64_t end) {
      for_runs(plan, begin, end, [&](int64_t at, const std::array<int64_t, 3>& offsets, int64_t count) {
        const uint8_t* m = mask + offsets[0];
        const T *u = from_a + offsets[1], *v = from_b + offsets[2];
        T* to = out + at;
        if (!condition_moves) return *m != 0 ? repeat(u, a_moves, count, to) : repeat(v, b_moves, count, to);
        if (a_moves) return b_moves ? choose<true, true>(m, u, v, count, to) : choose<true, false>(m, u, v, count, to);
        return b_moves ? choose<false, true>(m, u, v, count, to) : choose<false, false>(m, u, v, count, to);
      });
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
