#include "kernels/binary.h"

#include "kernels/check.h"

namespace divvy::kernels {

using elementwise::Reads;

void binary(const Binary& op, const Tensor& a, const Tensor& b, Tensor& y) {
  check::floating(op.name, "a", a);
  check::same_kind(op.name, "b", b, a);
  check::shape(op.name, "y", y, broadcast_shapes(op.name, a.shape(), b.shape()));
  check::same_kind(op.name, "y", y, a);
  DIVVY_BACKEND(a, binary)(op, a, b, y);
}

void binary_backward(const Binary& op, int by, const Tensor& a, const Tensor& b, const Tensor& dy, Tensor& d) {
  if (by != 0 && by != 1) fail<ValueError>("{}: there is no operand {}", op.name, by);
  check::floating(op.name, "dy", dy);
  check::same(op.name, "d", d, dy);
  const auto checked = [&](Reads which, const char* label, const Tensor& operand) -> const Tensor& {
    if (!reads(op.reads[static_cast<size_t>(by)], which)) return dy;  // stands in for one that is not read
    check::same_kind(op.name, label, operand, dy);
    if (broadcast_shapes(op.name, operand.shape(), dy.shape()) != dy.shape()) {
      fail<ShapeError>("{}: {} {} does not broadcast to dy {}", op.name, label, operand.shape(), dy.shape());
    }
    return operand;
  };
  const Tensor &read_a = checked(Reads::a, "a", a), &read_b = checked(Reads::b, "b", b);
  DIVVY_BACKEND(dy, binary_backward)(op, by, read_a, read_b, dy, d);
}

}  // namespace divvy::kernels
