#pragma once

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// -x.
struct Neg {
  static constexpr const char* name = "neg";
  static constexpr Reads reads = Reads::nothing;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return -x;
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T, T) {
    return T{-1};
  }
};

}  // namespace divvy::kernels::elementwise
