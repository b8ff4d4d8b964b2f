#pragma once

#include "autograd/ops/binary.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/unary.h"
#include "tensor/error.h"

/// Helpers of several regularizers.
namespace divvy::moe {

inline void require_matrix(const char* loss, const char* what, const Variable& x) {
  if (x.shape().rank() != 2 || x.size(1) < 1) {
    fail<ShapeError>("{}: {} must be [samples, 1 or more], got {}", loss, what, x.shape());
  }
}

inline Variable zero_like(const Variable& x) { return Variable(Tensor::zeros({}, x.dtype(), x.device())); }

/// The squared coefficient of variation of the column sums; 0 for one column and for no rows.
inline Variable squared_variation(const Variable& x) {
  if (x.size(1) == 1 || x.size(0) == 0) return zero_like(x);
  const Variable mass = sum(x, {0});
  return div(var(mass), square(mean(mass)));
}

}  // namespace divvy::moe
