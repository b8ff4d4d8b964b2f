#pragma once

#include "autograd/variable.h"

namespace divvy {

// Functions of each pair of elements of a and b, f32 or f64, which broadcast: shapes are aligned at the last axis, and
// a size of 1 is repeated. Either operand may be a number. Formulas, derivatives and their conventions are in
// kernels/elementwise. Throws ShapeError where the shapes do not broadcast and DTypeError for unequal types.

Variable add(const Variable& a, const Variable& b);
Variable sub(const Variable& a, const Variable& b);
Variable mul(const Variable& a, const Variable& b);
Variable div(const Variable& a, const Variable& b);
/// Equal operands get half of the gradient each.
Variable maximum(const Variable& a, const Variable& b);
Variable minimum(const Variable& a, const Variable& b);
/// a^b. A negative a has no derivative by b.
Variable pow(const Variable& a, const Variable& b);

Variable add(const Variable& a, double b);
Variable sub(const Variable& a, double b);
Variable mul(const Variable& a, double b);
Variable div(const Variable& a, double b);
Variable maximum(const Variable& a, double b);
Variable minimum(const Variable& a, double b);
Variable pow(const Variable& a, double b);

Variable add(double a, const Variable& b);
Variable sub(double a, const Variable& b);
Variable mul(double a, const Variable& b);
Variable div(double a, const Variable& b);
Variable maximum(double a, const Variable& b);
Variable minimum(double a, const Variable& b);
Variable pow(double a, const Variable& b);

inline Variable operator+(const Variable& a, const Variable& b) { return add(a, b); }
inline Variable operator-(const Variable& a, const Variable& b) { return sub(a, b); }
inline Variable operator*(const Variable& a, const Variable& b) { return mul(a, b); }
inline Variable operator/(const Variable& a, const Variable& b) { return div(a, b); }
inline Variable operator+(const Variable& a, double b) { return add(a, b); }
inline Variable operator-(const Variable& a, double b) { return sub(a, b); }
inline Variable operator*(const Variable& a, double b) { return mul(a, b); }
inline Variable operator/(const Variable& a, double b) { return div(a, b); }
inline Variable operator+(double a, const Variable& b) { return add(a, b); }
inline Variable operator-(double a, const Variable& b) { return sub(a, b); }
inline Variable operator*(double a, const Variable& b) { return mul(a, b); }
inline Variable operator/(double a, const Variable& b) { return div(a, b); }

}  // namespace divvy
