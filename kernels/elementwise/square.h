#pragma once

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// x^2.
struct Square {
  static constexpr const char* name = "square";
  static constexpr Reads reads = Reads::x;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return x * x;
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T x, T) {
    return T{2} * x;
  }
};

}  // namespace divvy::kernels::elementwise
