#pragma once

#include <cmath>

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// x^(-1/2).
struct Rsqrt {
  static constexpr const char* name = "rsqrt";
  static constexpr Reads reads = Reads::y;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return T{1} / std::sqrt(x);
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T, T y) {
    return T{-0.5} * y * y * y;
  }
};

}  // namespace divvy::kernels::elementwise
