#pragma once

#include <type_traits>

namespace divvy::kernels {

/// A type with the range for sums of squares of T, for the few results that T itself cannot reach. Where long double is
/// no wider than double, those of f64 overflow.
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

}  // namespace divvy::kernels
