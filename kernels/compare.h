#pragma once

#include "kernels/backend.h"
#include "kernels/elementwise/all.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// An operation of elementwise::ComparisonList, as a value: compare(elementwise::Less(), a, b, y).
struct Comparison {
  int index;  ///< in the list
  const char* name;

  template <class F>  // NOLINTNEXTLINE(google-explicit-constructor): an operation stands for itself
  constexpr Comparison(F) : index(elementwise::ComparisonList::index_of<F>()), name(F::name) {}
};

/// y = 1 where op(a, b) holds, else 0, element by element. a, b: any dtype, the same for both; y: u8, of the shape that
/// they broadcast to.
void compare(const Comparison& op, const Tensor& a, const Tensor& b, Tensor& y);

DIVVY_BACKENDS(compare);

}  // namespace divvy::kernels
