#include "kernels/compare.h"

#include "kernels/check.h"

namespace divvy::kernels {

void compare(const Comparison& op, const Tensor& a, const Tensor& b, Tensor& y) {
  check::defined(op.name, "a", a);
  check::same_kind(op.name, "b", b, a);
  check::dtype(op.name, "y", y, DType::u8);
  check::shape(op.name, "y", y, broadcast_shapes(op.name, a.shape(), b.shape()));
  check::same_device(op.name, "y", y, a);
  DIVVY_BACKEND(a, compare)(op, a, b, y);
}

}  // namespace divvy::kernels
