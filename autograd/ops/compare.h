#pragma once

#include "autograd/variable.h"

namespace divvy {

// 1 where the comparison holds, else 0, for each pair of elements of a and b, which broadcast; u8, without a gradient.
// Any type, the same for both. -0 equals 0; a NaN is unequal to everything and in no order. Throws ShapeError where the
// shapes do not broadcast and DTypeError for unequal types.

Tensor equal(const Tensor& a, const Tensor& b);
Tensor not_equal(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor greater(const Tensor& a, const Tensor& b);
Tensor greater_equal(const Tensor& a, const Tensor& b);

// Compared with a number, which is rounded to a floating type. Throws ValueError for a number that an integer type
// cannot hold.
Tensor equal(const Tensor& a, double b);
Tensor not_equal(const Tensor& a, double b);
Tensor less(const Tensor& a, double b);
Tensor less_equal(const Tensor& a, double b);
Tensor greater(const Tensor& a, double b);
Tensor greater_equal(const Tensor& a, double b);

inline Tensor equal(const Variable& a, const Variable& b) { return equal(a.value(), b.value()); }
inline Tensor not_equal(const Variable& a, const Variable& b) { return not_equal(a.value(), b.value()); }
inline Tensor less(const Variable& a, const Variable& b) { return less(a.value(), b.value()); }
inline Tensor less_equal(const Variable& a, const Variable& b) { return less_equal(a.value(), b.value()); }
inline Tensor greater(const Variable& a, const Variable& b) { return greater(a.value(), b.value()); }
inline Tensor greater_equal(const Variable& a, const Variable& b) { return greater_equal(a.value(), b.value()); }
inline Tensor equal(const Variable& a, double b) { return equal(a.value(), b); }
inline Tensor not_equal(const Variable& a, double b) { return not_equal(a.value(), b); }
inline Tensor less(const Variable& a, double b) { return less(a.value(), b); }
inline Tensor less_equal(const Variable& a, double b) { return less_equal(a.value(), b); }
inline Tensor greater(const Variable& a, double b) { return greater(a.value(), b); }
inline Tensor greater_equal(const Variable& a, double b) { return greater_equal(a.value(), b); }

}  // namespace divvy
