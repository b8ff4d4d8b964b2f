#pragma once

#include "kernels/rows.h"
#include "kernels/segments.h"

namespace divvy::kernels {

/// Calls compute(rows) for the gradient of the rows that an operation reads through its segments, [N, ...]: dx itself
/// where it reads the rows of its input in place. Where a sample may be read by several rows, `rows` are memory of
/// their own, and those of each sample are then added up in dx in their order. dx: [R, ...], or undefined where it is
/// not wanted, as `rows` is then.
template <class Compute>
void with_row_gradient(const Segments& segments, Tensor& dx, const Compute& compute) {
  if (!dx.defined() || !segments.sample.defined()) return compute(dx);
  Tensor rows = Tensor::empty(dx.shape().with(0, segments.sample.numel()), dx.dtype(), dx.device());
  compute(rows);
  DIVVY_BACKEND(dx, scatter_add_rows)(rows, segments.sample, dx);
}

}  // namespace divvy::kernels
