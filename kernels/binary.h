#pragma once

#include <array>

#include "kernels/backend.h"
#include "kernels/elementwise/all.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// An operation of elementwise::BinaryList, as a value: binary(elementwise::Add(), a, b, y).
struct Binary {
  int index;  ///< in the list
  const char* name;
  std::array<elementwise::Reads, 2> reads;  ///< which operands the derivative by a, and the one by b, read
  std::array<bool, 2> passes{};             ///< whether that derivative is 1

  template <class F>  // NOLINTNEXTLINE(google-explicit-constructor): an operation stands for itself
  constexpr Binary(F)
      : index(elementwise::BinaryList::index_of<F>()), name(F::name), reads{F::by_a_reads, F::by_b_reads} {
    using elementwise::Reads;
    if constexpr (F::by_a_reads == Reads::nothing) passes[0] = F::by_a(0.0, 0.0) == 1;
    if constexpr (F::by_b_reads == Reads::nothing) passes[1] = F::by_b(0.0, 0.0) == 1;
  }
};

/// y = op(a, b), element by element; a and b broadcast to the shape of y, which must be the one that they have in
/// common. f32 or f64. y may be an operand of its own shape.
void binary(const Binary& op, const Tensor& a, const Tensor& b, Tensor& y);

/// d = dy * d op(a, b) / d operand `by` (0 for a, 1 for b), in the shape of dy: sum_to() brings it to that of the
/// operand. An operand that this derivative does not read may be undefined. d may be dy.
void binary_backward(const Binary& op, int by, const Tensor& a, const Tensor& b, const Tensor& dy, Tensor& d);

DIVVY_BACKENDS(binary);
DIVVY_BACKENDS(binary_backward);

}  // namespace divvy::kernels
