#include "autograd/ops/compare.h"

#include "kernels/check.h"
#include "kernels/compare.h"
#include "kernels/fill.h"

namespace divvy {

namespace {

using kernels::Compare;

Tensor apply(Compare op, const Tensor& a, const Tensor& b) {
  const auto name = kernels::name_of(op);
  kernels::check::defined(name, "a", a);
  kernels::check::defined(name, "b", b);
  Tensor y = Tensor::empty(broadcast_shapes(name.data(), a.shape(), b.shape()), DType::u8, a.device());
  kernels::compare(op, a, b, y);
  return y;
}

Tensor apply(Compare op, const Tensor& a, double b) {
  kernels::check::defined(kernels::name_of(op), "a", a);
  Tensor number = Tensor::empty({}, a.dtype());
  kernels::fill(number, b);
  // The largest i64 becomes 2^63 in a double, which it is not.
  if (!is_floating(a.dtype()) && (number.item() != b || b >= 0x1p63)) {
    fail<ValueError>("{}: {} elements cannot be compared with {}", kernels::name_of(op), a.dtype(), b);
  }
  return apply(op, a, number.to(a.device()));
}

}  // namespace

Tensor equal(const Tensor& a, const Tensor& b) { return apply(Compare::equal, a, b); }
Tensor not_equal(const Tensor& a, const Tensor& b) { return apply(Compare::not_equal, a, b); }
Tensor less(const Tensor& a, const Tensor& b) { return apply(Compare::less, a, b); }
Tensor less_equal(const Tensor& a, const Tensor& b) { return apply(Compare::less_equal, a, b); }
Tensor greater(const Tensor& a, const Tensor& b) { return apply(Compare::greater, a, b); }
Tensor greater_equal(const Tensor& a, const Tensor& b) { return apply(Compare::greater_equal, a, b); }

Tensor equal(const Tensor& a, double b) { return apply(Compare::equal, a, b); }
Tensor not_equal(const Tensor& a, double b) { return apply(Compare::not_equal, a, b); }
Tensor less(const Tensor& a, double b) { return apply(Compare::less, a, b); }
Tensor less_equal(const Tensor& a, double b) { return apply(Compare::less_equal, a, b); }
Tensor greater(const Tensor& a, double b) { return apply(Compare::greater, a, b); }
Tensor greater_equal(const Tensor& a, double b) { return apply(Compare::greater_equal, a, b); }

}  // namespace divvy
