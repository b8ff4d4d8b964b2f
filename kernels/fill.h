#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// Every element of y becomes `value`, converted as kernels/cast.h says. Any dtype.
void fill(Tensor& y, double value);

/// A tensor of one value, made where it is: Tensor::full() would copy it from the host.
inline Tensor filled(const Shape& shape, double value, DType dtype, Device device) {
  Tensor result = Tensor::empty(shape, dtype, device);
  fill(result, value);
  return result;
}

DIVVY_BACKENDS(fill);

}  // namespace divvy::kernels
