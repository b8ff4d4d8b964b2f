#pragma once

#include <cmath>

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// |x|. The derivative at 0 is 0.
struct Abs {
  static constexpr const char* name = "abs";
  static constexpr Reads reads = Reads::x;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return std::abs(x);
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T x, T) {
    return static_cast<T>(x > T{0}) - static_cast<T>(x < T{0});
  }
};

}  // namespace divvy::kernels::elementwise
