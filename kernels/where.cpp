#include "kernels/where.h"

#include "kernels/check.h"

namespace divvy::kernels {

void where(const Tensor& condition, const Tensor& a, const Tensor& b, Tensor& y) {
  check::dtype("where", "condition", condition, DType::u8);
  check::defined("where", "a", a);
  check::same_device("where", "condition", condition, a);
  check::same_kind("where", "b", b, a);
  const Shape common = broadcast_shapes("where", a.shape(), b.shape());
  check::shape("where", "y", y, broadcast_shapes("where", condition.shape(), common));
  check::same_kind("where", "y", y, a);
  DIVVY_BACKEND(a, where)(condition, a, b, y);
}

}  // namespace divvy::kernels
