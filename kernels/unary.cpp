#include "kernels/unary.h"

#include "kernels/check.h"

namespace divvy::kernels {

using elementwise::Reads;

void unary(const Unary& op, const Tensor& x, Tensor& y) {
  check::floating(op.name, "x", x);
  check::same(op.name, "y", y, x);
  DIVVY_BACKEND(x, unary)(op, x, y);
}

void unary_backward(const Unary& op, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
  check::floating(op.name, "dy", dy);
  const auto checked = [&](Reads which, const char* label, const Tensor& t) -> const Tensor& {
    if (!reads(op.reads, which)) return dy;  // stands in for one that is not read
    check::same(op.name, label, t, dy);
    return t;
  };
  const Tensor &read_x = checked(Reads::x, "x", x), &read_y = checked(Reads::y, "y", y);
  check::same(op.name, "dx", dx, dy);
  DIVVY_BACKEND(dy, unary_backward)(op, read_x, read_y, dy, dx);
}

}  // namespace divvy::kernels
