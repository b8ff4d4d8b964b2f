#pragma once

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// max(x, 0). The derivative at 0 is 0.
struct Relu {
  static constexpr const char* name = "relu";
  static constexpr Reads reads = Reads::y;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return x < T{0} ? T{0} : x;  // a NaN passes
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T, T y) {
    return y > T{0} ? T{1} : T{0};
  }
};

}  // namespace divvy::kernels::elementwise
