#pragma once

#include <cmath>

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// 1 / (1 + e^-x), exact for every x.
struct Sigmoid {
  static constexpr const char* name = "sigmoid";
  static constexpr Reads reads = Reads::y;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    const T z = Math::exp(-std::abs(x));  // never overflows
    return (x >= T{0} ? T{1} : z) / (T{1} + z);
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T, T y) {
    return y * (T{1} - y);
  }
};

}  // namespace divvy::kernels::elementwise
