#pragma once

#include "kernels/elementwise/function.h"

/// Comparisons of two elements. As always with floating point, -0 equals 0, and a NaN is unequal to everything and in
/// no order.
namespace divvy::kernels::elementwise {

struct Equal {
  static constexpr const char* name = "equal";
  template <class T>
  DIVVY_ELEMENTWISE static bool holds(T a, T b) {
    return a == b;
  }
};

struct NotEqual {
  static constexpr const char* name = "not_equal";
  template <class T>
  DIVVY_ELEMENTWISE static bool holds(T a, T b) {
    return a != b;
  }
};

struct Less {
  static constexpr const char* name = "less";
  template <class T>
  DIVVY_ELEMENTWISE static bool holds(T a, T b) {
    return a < b;
  }
};

struct LessEqual {
  static constexpr const char* name = "less_equal";
  template <class T>
  DIVVY_ELEMENTWISE static bool holds(T a, T b) {
    return a <= b;
  }
};

struct Greater {
  static constexpr const char* name = "greater";
  template <class T>
  DIVVY_ELEMENTWISE static bool holds(T a, T b) {
    return a > b;
  }
};

struct GreaterEqual {
  static constexpr const char* name = "greater_equal";
  template <class T>
  DIVVY_ELEMENTWISE static bool holds(T a, T b) {
    return a >= b;
  }
};

}  // namespace divvy::kernels::elementwise
