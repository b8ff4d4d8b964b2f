#pragma once

#include <cmath>

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// The cosine of an angle in radians.
struct Cos {
  static constexpr const char* name = "cos";
  static constexpr Reads reads = Reads::x;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return std::cos(x);
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T x, T) {
    return -std::sin(x);
  }
};

}  // namespace divvy::kernels::elementwise
