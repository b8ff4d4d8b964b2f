#pragma once

#include <cmath>

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// The sine of an angle in radians.
struct Sin {
  static constexpr const char* name = "sin";
  static constexpr Reads reads = Reads::x;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return std::sin(x);
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T x, T) {
    return std::cos(x);
  }
};

}  // namespace divvy::kernels::elementwise
