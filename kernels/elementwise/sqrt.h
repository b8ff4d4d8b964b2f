#pragma once

#include <cmath>

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// The square root; NaN below 0. The derivative at 0 is infinite.
struct Sqrt {
  static constexpr const char* name = "sqrt";
  static constexpr Reads reads = Reads::y;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return std::sqrt(x);
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T, T y) {
    return T{0.5} / y;
  }
};

}  // namespace divvy::kernels::elementwise
