#include "kernels/finite.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/simd/vector.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

/// v * 0 is 0 for a finite v and NaN otherwise: one multiply-add an element, in eight independent vectors of sums. Only
/// a tensor that fails is searched.
template <class T>
bool all_finite(const T* values, int64_t count) {
  constexpr int64_t kSums = 8, kStep = kSums * kLanes<T>;
  Vector<T> sums[kSums] = {};
  T rest = 0;
  int64_t i = 0;
  for (; i + kStep <= count; i += kStep) {
#pragma GCC unroll 8
    for (int64_t s = 0; s < kSums; ++s) sums[s] += load(values + i + s * kLanes<T>) * Vector<T>{};
  }
  for (; i < count; ++i) rest += values[i] * T{0};
  for (int64_t s = 1; s < kSums; ++s) sums[0] += sums[s];
  return sum_lanes<T>(sums[0]) + rest == T{0};
}

int64_t first_non_finite(const Tensor& x) {
  return visit_floating("first_non_finite", x.dtype(), [&]<class T>() -> int64_t {
    constexpr int64_t kTile = 1 << 18;
    const T* values = x.data<T>();
    const int64_t count = x.numel();
    std::vector<char> finite(static_cast<size_t>((count + kTile - 1) / kTile));
    parallel_tiles(count, kTile, [&](int64_t begin, int64_t end) {
      finite[static_cast<size_t>(begin / kTile)] = all_finite(values + begin, end - begin);
    });
    const auto tile = std::find(finite.begin(), finite.end(), char{0});
    if (tile == finite.end()) return -1;
    return std::find_if(values + (tile - finite.begin()) * kTile, values + count,
                        [](T v) { return !std::isfinite(v); }) -
           values;
  });
}

}  // namespace

std::vector<int64_t> first_non_finites(std::span<const Tensor> x) {
  std::vector<int64_t> result;
  for (const Tensor& t : x) result.push_back(first_non_finite(t));
  return result;
}

void watch_finite(std::span<const Tensor> x, int64_t source, bool new_run, Tensor& record) {
  const auto of = record.mutable_values<int64_t>();
  of[0] += new_run ? 1 : 0;
  if (of[1] != 0) return;
  for (size_t i = 0; i < x.size(); ++i) {
    const int64_t at = first_non_finite(x[i]);
    if (at < 0) continue;
    of[1] = of[0];
    of[2] = source;
    of[3] = static_cast<int64_t>(i);
    of[4] = at;
    return;
  }
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
