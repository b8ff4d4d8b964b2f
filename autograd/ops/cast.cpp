#include "autograd/ops/cast.h"

#include "autograd/node.h"
#include "kernels/cast.h"
#include "tensor/error.h"

namespace divvy {

namespace {

Tensor converted(const Tensor& x, DType dtype) {
  Tensor y = Tensor::empty(x.shape(), dtype, x.device());
  kernels::cast(x, y);
  return y;
}

}  // namespace

Variable cast(const Variable& x, DType dtype) {
  if (dtype != DType::f32 && dtype != DType::f64) fail<DTypeError>("cast: expects f32 or f64, got {}", dtype);
  if (x.dtype() == dtype) return x;
  return record("cast", converted(x.value(), dtype), {x},
                [from = x.dtype()](const Tensor& dy, Gradients& dx) { dx[0] = converted(dy, from); });
}

}  // namespace divvy
