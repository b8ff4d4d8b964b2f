#pragma once

#include "kernels/broadcast_plan.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// y = the sum of x over the axes along which y is repeated in it, for sum_to on every device. x is not empty, and y is
/// smaller. sum(from, to) sums the middle axis of [left, size, inner] into [left, inner].
template <class Sum>
void sum_repeated_axes(const Tensor& x, Tensor& y, const Sum& sum) {
  // Merged axes are kept or summed in turn. Those to sum are taken from the last to the first, each as the middle one
  // of three; none has size 1, so that the last result, and no other, has the size of y.
  const BroadcastPlan<1> plan(x.shape(), {y.shape()});
  Tensor current = x;
  int64_t inner = 1, left = x.numel();  // elements of the axes behind and up to the current one
  for (auto axis = static_cast<size_t>(plan.rank); axis-- > 0;) {
    const int64_t size = plan.sizes[axis];
    left /= size;
    if (plan.strides[0][axis] != 0) {
      inner *= size;
      continue;
    }
    Tensor sums = left * inner == y.numel() ? y : Tensor::empty({left, inner}, x.dtype(), x.device());
    sum(current.reshape({left, size, inner}), sums);
    current = sums;
  }
}

}  // namespace divvy::kernels
