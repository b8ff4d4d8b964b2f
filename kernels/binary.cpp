#include "kernels/binary.h"

#include "kernels/check.h"

namespace divvy::kernels {

void binary(Binary op, const Tensor& a, const Tensor& b, Tensor& y) {
  const auto name = name_of(op);
  check::floating(name, "a", a);
  check::same_kind(name, "b", b, a);
  check::shape(name, "y", y, broadcast_shapes(name.data(), a.shape(), b.shape()));
  check::same_kind(name, "y", y, a);
  DIVVY_BACKEND(a, binary)(op, a, b, y);
}

void binary_backward(Binary op, int by, const Tensor& a, const Tensor& b, const Tensor& dy, Tensor& d) {
  const auto name = name_of(op);
  if (by != 0 && by != 1) fail<ValueError>("{}: there is no operand {}", name, by);
  check::floating(name, "dy", dy);
  check::same(name, "d", d, dy);
  const auto checked = [&](const Tensor& operand, int which) -> const Tensor& {
    if (!derivative_reads(op, by, which)) return dy;  // stands in for one that is not read
    const char* label = which == 0 ? "a" : "b";
    check::same_kind(name, label, operand, dy);
    if (broadcast_shapes(name.data(), operand.shape(), dy.shape()) != dy.shape()) {
      fail<ShapeError>("{}: {} {} does not broadcast to dy {}", name, label, operand.shape(), dy.shape());
    }
    return operand;
  };
  DIVVY_BACKEND(dy, binary_backward)(op, by, checked(a, 0), checked(b, 1), dy, d);
}

}  // namespace divvy::kernels
