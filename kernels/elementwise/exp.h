#pragma once

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// e^x.
struct Exp {
  static constexpr const char* name = "exp";
  static constexpr Reads reads = Reads::y;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return Math::exp(x);
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T, T y) {
    return y;
  }
};

}  // namespace divvy::kernels::elementwise
