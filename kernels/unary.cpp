#include "kernels/unary.h"

#include "kernels/check.h"

namespace divvy::kernels {

void unary(Unary op, const Tensor& x, Tensor& y) {
  check::floating(name_of(op), "x", x);
  check::same(name_of(op), "y", y, x);
  DIVVY_BACKEND(x, unary)(op, x, y);
}

void unary_backward(Unary op, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
  check::floating(name_of(op), "dy", dy);
  check::same(name_of(op), backward_reads(op) == Reads::x ? "x" : "y", read_by_backward(op, x, y, dy), dy);
  check::same(name_of(op), "dx", dx, dy);
  DIVVY_BACKEND(dy, unary_backward)(op, x, y, dy, dx);
}

}  // namespace divvy::kernels
