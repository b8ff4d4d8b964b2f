#pragma once

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// The smaller of two, NaN where one is NaN. Equal operands share the gradient; a NaN takes all of it, so that it
/// shows.
struct Minimum {
  static constexpr const char* name = "minimum";
  static constexpr Reads by_a_reads = Reads::both, by_b_reads = Reads::both;

  template <class T>
  DIVVY_ELEMENTWISE static constexpr T value(T a, T b) {
    return a < b || a != a ? a : b;
  }
  template <class T>
  DIVVY_ELEMENTWISE static constexpr T by_a(T a, T b) {
    return b < a ? T{0} : a == b ? T{0.5} : T{1};
  }
  template <class T>
  DIVVY_ELEMENTWISE static constexpr T by_b(T a, T b) {
    return by_a(b, a);
  }
};

}  // namespace divvy::kernels::elementwise
