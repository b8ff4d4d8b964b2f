#pragma once

#include "kernels/elementwise/function.h"

namespace divvy::kernels::elementwise {

/// x P(x), with P the distribution function of the standard normal distribution: the exact form of Hendrycks and
/// Gimpel, "Gaussian Error Linear Units", 2016. The derivative is P(x) + x p(x), with the density p.
struct Gelu {
  static constexpr const char* name = "gelu";
  static constexpr Reads reads = Reads::x;

  template <class Math, class T>
  DIVVY_ELEMENTWISE static T value(T x) {
    const T cdf = Math::normal_cdf(x);
    return cdf == T{0} ? T{0} : x * cdf;  // and not -infinity times 0
  }
  template <class Math, class T>
  DIVVY_ELEMENTWISE static T derivative(T x, T) {
    const T density = Math::normal_density(x);
    return Math::normal_cdf(x) + (density == T{0} ? T{0} : x * density);
  }
};

}  // namespace divvy::kernels::elementwise
