#pragma once

#include <cmath>

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// ln(1 + e^x), without overflow and without loss of small results.
struct Softplus {
  static constexpr const char* name = "softplus";
  static constexpr Reads reads = Reads::y;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return (x > T{0} ? x : T{0}) + Math::log1p(Math::exp(-std::abs(x)));
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T, T y) {
    return -Math::expm1(-y);
  }
};

}  // namespace divvy::kernels::elementwise
