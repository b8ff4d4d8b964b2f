#pragma once

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// a / b.
struct Div {
  static constexpr const char* name = "div";
  static constexpr Reads by_a_reads = Reads::b, by_b_reads = Reads::both;

  template <class T>
  DIVVY_ELEMENTWISE static constexpr T value(T a, T b) {
    return a / b;
  }
  template <class T>
  DIVVY_ELEMENTWISE static constexpr T by_a(T, T b) {
    return T{1} / b;
  }
  template <class T>
  DIVVY_ELEMENTWISE static constexpr T by_b(T a, T b) {
    return -(a / b) / b;
  }
};

}  // namespace divvy::kernels::elementwise
