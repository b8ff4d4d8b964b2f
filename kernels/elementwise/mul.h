#pragma once

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// a b.
struct Mul {
  static constexpr const char* name = "mul";
  static constexpr Reads by_a_reads = Reads::b, by_b_reads = Reads::a;

  template <class T>
  DIVVY_ELEMENTWISE static constexpr T value(T a, T b) {
    return a * b;
  }
  template <class T>
  DIVVY_ELEMENTWISE static constexpr T by_a(T, T b) {
    return b;
  }
  template <class T>
  DIVVY_ELEMENTWISE static constexpr T by_b(T a, T) {
    return a;
  }
};

}  // namespace divvy::kernels::elementwise
