#pragma once

#include <cstdint>
#include <limits>

#ifdef __CUDACC__
#define DIVVY_HOST_DEVICE __host__ __device__
#else
#define DIVVY_HOST_DEVICE
#endif

namespace divvy {

/// The class that u in [0, 1) picks from weights p[0, classes), or -1 where they are no weights: one of them negative,
/// NaN or infinite, or all of them zero. A class of weight 0 is never picked.
template <class T>
DIVVY_HOST_DEVICE inline int64_t weighted_pick(const T* p, int64_t classes, double u) {
  double total = 0;
  for (int64_t c = 0; c < classes; ++c) {
    if (!(p[c] >= 0)) return -1;
    total += static_cast<double>(p[c]);
  }
  if (!(total > 0) || !(total < std::numeric_limits<double>::infinity())) return -1;
  const double target = u * total;
  double sum = 0;
  int64_t last = -1;  // the last class that can be picked, should rounding carry the target up to the total
  for (int64_t c = 0; c < classes; ++c) {
    if (p[c] == 0) continue;
    sum += static_cast<double>(p[c]);
    last = c;
    if (sum > target) break;
  }
  return last;
}

}  // namespace divvy
