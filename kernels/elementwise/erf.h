#pragma once

#include <numbers>

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// The error function, 2/sqrt(pi) times the integral of e^(-t^2) over t from 0 to x.
struct Erf {
  static constexpr const char* name = "erf";
  static constexpr Reads reads = Reads::x;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    return Math::erf(x);
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T x, T) {
    return T{2} * std::numbers::inv_sqrtpi_v<T> * Math::gaussian(x);
  }
};

}  // namespace divvy::kernels::elementwise
