#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/tensor.h"

namespace divvy::kernels::cpu {

/// Calls f(begin, end) for the runs of neighboring experts with rows[e] > 0: one pass over a run instead of one for
/// each expert. rows: i64 [E].
template <class F>
void for_active_experts(const Tensor& rows, const F& f) {
  const auto count = rows.values<int64_t>();
  const auto experts = static_cast<size_t>(rows.numel());
  for (size_t begin = 0; begin < experts; ++begin) {
    if (count[begin] <= 0) continue;
    size_t end = begin + 1;
    while (end < experts && count[end] > 0) ++end;
    f(static_cast<int64_t>(begin), static_cast<int64_t>(end));
    begin = end;
  }
}

/// Experts [begin, end) of a stacked tensor, which may be undefined.
inline Tensor experts_of(const Tensor& t, int64_t begin, int64_t end) {
  return t.defined() ? t.slice(begin, end) : Tensor();
}

}  // namespace divvy::kernels::cpu
