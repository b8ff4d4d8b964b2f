#pragma once

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// a + b.
struct Add {
  static constexpr const char* name = "add";
  static constexpr Reads by_a_reads = Reads::nothing, by_b_reads = Reads::nothing;

  template <class T>
  DIVVY_ELEMENTWISE static constexpr T value(T a, T b) {
    return a + b;
  }
  template <class T>
  DIVVY_ELEMENTWISE static constexpr T by_a(T, T) {
    return T{1};
  }
  template <class T>
  DIVVY_ELEMENTWISE static constexpr T by_b(T, T) {
    return T{1};
  }
};

}  // namespace divvy::kernels::elementwise
