#pragma once

#include "kernels/backend.h"
#include "kernels/elementwise/all.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// An operation of elementwise::UnaryList, as a value: unary(elementwise::Exp(), x, y).
struct Unary {
  int index;  ///< in the list
  const char* name;
  elementwise::Reads reads;  ///< what the derivative reads of x and y = op(x)

  template <class F>  // NOLINTNEXTLINE(google-explicit-constructor): an operation stands for itself
  constexpr Unary(F) : index(elementwise::UnaryList::index_of<F>()), name(F::name), reads(F::reads) {}
};

/// y = op(x), element by element. Equal shapes, f32 or f64; y may be x.
void unary(const Unary& op, const Tensor& x, Tensor& y);

/// dx = dy * dy/dx, element by element. Of x and y the one that the derivative does not read may be undefined. dx may
/// be dy.
void unary_backward(const Unary& op, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx);

DIVVY_BACKENDS(unary);
DIVVY_BACKENDS(unary_backward);

}  // namespace divvy::kernels
