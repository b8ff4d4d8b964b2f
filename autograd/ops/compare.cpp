#include "autograd/ops/compare.h"

#include "kernels/check.h"
#include "kernels/compare.h"
#include "kernels/fill.h"

namespace divvy {

namespace {

using namespace kernels::elementwise;
using kernels::Comparison;

Tensor apply(const Comparison& op, const Tensor& a, const Tensor& b) {
  kernels::check::defined(op.name, "a", a);
  kernels::check::defined(op.name, "b", b);
  Tensor y = Tensor::empty(broadcast_shapes(op.name, a.shape(), b.shape()), DType::u8, a.device());
  kernels::compare(op, a, b, y);
  return y;
}

Tensor apply(const Comparison& op, const Tensor& a, double b) {
  kernels::check::defined(op.name, "a", a);
  Tensor number = Tensor::empty({}, a.dtype());
  kernels::fill(number, b);
  // The largest i64 becomes 2^63 in a double, which it is not.
  if (!is_floating(a.dtype()) && (number.item() != b || b >= 0x1p63)) {
    fail<ValueError>("{}: {} elements cannot be compared with {}", op.name, a.dtype(), b);
  }
  return apply(op, a, number.to(a.device()));
}

}  // namespace

Tensor equal(const Tensor& a, const Tensor& b) { return apply(Equal(), a, b); }
Tensor not_equal(const Tensor& a, const Tensor& b) { return apply(NotEqual(), a, b); }
Tensor less(const Tensor& a, const Tensor& b) { return apply(Less(), a, b); }
Tensor less_equal(const Tensor& a, const Tensor& b) { return apply(LessEqual(), a, b); }
Tensor greater(const Tensor& a, const Tensor& b) { return apply(Greater(), a, b); }
Tensor greater_equal(const Tensor& a, const Tensor& b) { return apply(GreaterEqual(), a, b); }

Tensor equal(const Tensor& a, double b) { return apply(Equal(), a, b); }
Tensor not_equal(const Tensor& a, double b) { return apply(NotEqual(), a, b); }
Tensor less(const Tensor& a, double b) { return apply(Less(), a, b); }
Tensor less_equal(const Tensor& a, double b) { return apply(LessEqual(), a, b); }
Tensor greater(const Tensor& a, double b) { return apply(Greater(), a, b); }
Tensor greater_equal(const Tensor& a, double b) { return apply(GreaterEqual(), a, b); }

}  // namespace divvy
