#pragma once

#include <cmath>

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// a^b as in C: NaN for a < 0 and a fractional b, 1 for b = 0. The derivative by a is b a^(b-1), and 0 for b = 0. That
/// by b is a^b ln a: 0 where a = 0 <= b, although -infinity would be the limit at b = 0, and NaN where a < 0, since
/// there a^b exists at single values of b only.
struct Pow {
  static constexpr const char* name = "pow";
  static constexpr Reads by_a_reads = Reads::both, by_b_reads = Reads::both;

  template <class T>
  DIVVY_ELEMENTWISE static constexpr T value(T a, T b) {
    return std::pow(a, b);
  }
  template <class T>
  DIVVY_ELEMENTWISE static constexpr T by_a(T a, T b) {
    return b == T{0} ? T{0} : b * std::pow(a, b - T{1});
  }
  template <class T>
  DIVVY_ELEMENTWISE static constexpr T by_b(T a, T b) {
    return a == T{0} && b >= T{0} ? T{0} : std::pow(a, b) * std::log(a);
  }
};

}  // namespace divvy::kernels::elementwise
