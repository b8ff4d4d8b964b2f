#pragma once

#include "kernels/cpu/simd/vector.h"

/// What Epilogue (kernels/epilogue.h) makes of a sum, for vectors of sums.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

/// 0 in the place of what is negative; a NaN passes.
template <class T>
inline Vector<T> relu(const Vector<T>& v) {
  return max<T>(Vector<T>{}, v);
}

/// 0 where `active` is not positive.
template <class T>
inline Vector<T> where_active(const Vector<T>& v, const Vector<T>& active) {
  return active > Vector<T>{} ? v : Vector<T>{};
}

/// The one of them that a loop ends with, where that is known when it is compiled.
enum class Finish { none, relu, where_active };

/// active() gives the values for where_active, and is called for nothing else. It has to capture counters by value: a
/// loop over one whose address is taken is not unrolled, and its sums lie in memory.
template <Finish finish, class T, class Active>
inline Vector<T> finished(const Vector<T>& v, const Active& active) {
  if constexpr (finish == Finish::relu) return relu<T>(v);
  if constexpr (finish == Finish::where_active) return where_active<T>(v, active());
  if constexpr (finish == Finish::none) return v;
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
