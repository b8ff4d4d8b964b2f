#pragma once

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// The hyperbolic tangent.
struct Tanh {
  static constexpr const char* name = "tanh";
  static constexpr Reads reads = Reads::y;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return Math::tanh(x);
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T, T y) {
    return (T{1} - y) * (T{1} + y);
  }
};

}  // namespace divvy::kernels::elementwise
