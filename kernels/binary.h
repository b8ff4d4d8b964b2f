#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// Functions of two elements. Their derivatives, and which operands those read:
///
///     op        y              dy/da                 reads    dy/db                 reads
///     add       a + b          1                     -        1                     -
///     sub       a - b          1                     -        -1                    -
///     mul       a b            b                     b        a                     a
///     div       a / b          1 / b                 b        -a / b^2              a, b
///     maximum   the larger     1, 1/2, 0             a, b     0, 1/2, 1             a, b
///     minimum   the smaller    1, 1/2, 0             a, b     0, 1/2, 1             a, b
///     pow       a^b            b a^(b-1), 0 if b = 0 a, b     a^b ln a              a, b
///
/// maximum and minimum share the gradient where a = b, and give NaN where an operand is NaN. pow is that of C: a NaN
/// for a < 0 and a fractional b, 1 for b = 0. Its derivative by b is 0 where a = 0 <= b, although -infinity would be
/// the limit at b = 0, and NaN where a < 0: there a^b exists at single values of b only.
enum class Binary : uint8_t { add, sub, mul, div, maximum, minimum, pow };

constexpr std::string_view name_of(Binary op) {
  constexpr std::string_view names[] = {"add", "sub", "mul", "div", "maximum", "minimum", "pow"};
  return names[static_cast<int>(op)];
}

/// Whether the derivative by operand `by` (0 or 1) reads operand `operand`.
constexpr bool derivative_reads(Binary op, int by, int operand) {
  switch (op) {
    case Binary::add:
    case Binary::sub: return false;
    case Binary::mul: return operand != by;
    case Binary::div: return by == 1 || operand == 1;
    default: return true;
  }
}

/// y = op(a, b), element by element; a and b broadcast to the shape of y, which must be the one that they have in
/// common. f32 or f64. y may be an operand of its own shape.
void binary(Binary op, const Tensor& a, const Tensor& b, Tensor& y);

/// d = dy * d op(a, b) / d operand `by` (0 for a, 1 for b), in the shape of dy: sum_to() brings it to that of the
/// operand. An operand that this derivative does not read may be undefined. d may be dy.
void binary_backward(Binary op, int by, const Tensor& a, const Tensor& b, const Tensor& dy, Tensor& d);

DIVVY_BACKENDS(binary);
DIVVY_BACKENDS(binary_backward);

}  // namespace divvy::kernels
