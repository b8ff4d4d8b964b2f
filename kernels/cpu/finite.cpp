#include "kernels/finite.h"

#include <algorithm>
#include <cmath>

namespace divvy::kernels::cpu {

int64_t first_non_finite(const Tensor& x) {
  return visit_floating("first_non_finite", x.dtype(), [&]<class T>() -> int64_t {
    const T* values = x.data<T>();
    const int64_t count = x.numel();
    // v * 0 is 0 for a finite v and NaN otherwise: one multiply-add an element, with eight independent sums for the
    // vector units. Only a tensor that fails is searched.
    constexpr int64_t kLanes = 8;
    T sums[kLanes] = {};
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for (int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += values[i + lane] * T{0};
    }
    for (; i < count; ++i) sums[0] += values[i] * T{0};
    T total = 0;
    for (T sum : sums) total += sum;
    if (total == T{0}) return -1;
    return std::find_if(values, values + count, [](T v) { return !std::isfinite(v); }) - values;
  });
}

}  // namespace divvy::kernels::cpu
