#include "kernels/compare.h"

#include "kernels/check.h"

namespace divvy::kernels {

void compare(Compare op, const Tensor& a, const Tensor& b, Tensor& y) {
  const auto name = name_of(op);
  check::defined(name, "a", a);
  check::same_kind(name, "b", b, a);
  check::dtype(name, "y", y, DType::u8);
  check::shape(name, "y", y, broadcast_shapes(name.data(), a.shape(), b.shape()));
  check::same_device(name, "y", y, a);
  DIVVY_BACKEND(a, compare)(op, a, b, y);
}

}  // namespace divvy::kernels
