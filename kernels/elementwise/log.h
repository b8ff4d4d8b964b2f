#pragma once

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// The natural logarithm; NaN below 0.
struct Log {
  static constexpr const char* name = "log";
  static constexpr Reads reads = Reads::x;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return Math::log(x);
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T x, T) {
    return T{1} / x;
  }
};

}  // namespace divvy::kernels::elementwise
