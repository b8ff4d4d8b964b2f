#include "autograd/ops/binary.h"

#include <array>

#include "autograd/node.h"
#include "autograd/ops/broadcast.h"
#include "kernels/binary.h"
#include "kernels/fill.h"

namespace divvy {

namespace {

using kernels::Binary;

/// Whether dy/d(operand `by`) is 1, so that the gradient passes as it is.
bool passes(Binary op, int by) { return op == Binary::add || (op == Binary::sub && by == 0); }

/// An operand, where the derivative by one that requires a gradient reads it.
Saved saved(Binary op, int operand, const Variable& a, const Variable& b) {
  const bool read = (a.requires_grad() && kernels::derivative_reads(op, 0, operand)) ||
                    (b.requires_grad() && kernels::derivative_reads(op, 1, operand));
  return read ? Saved(operand == 0 ? a : b) : Saved();
}

Variable apply(Binary op, const Variable& a, const Variable& b) {
  const char* name = kernels::name_of(op).data();
  Tensor y = Tensor::empty(broadcast_shapes(name, a.shape(), b.shape()), a.dtype(), a.device());
  kernels::binary(op, a.value(), b.value(), y);
  return record(name, y, {a, b},
                [op, a = saved(op, 0, a, b), b = saved(op, 1, a, b), shapes = std::array{a.shape(), b.shape()}](
                    const Tensor& dy, Gradients& dx) {
                  for (const int by : {0, 1}) {
                    const auto i = static_cast<size_t>(by);
                    if (!dx.needs(i)) continue;
                    Tensor d = dy;
                    if (!passes(op, by)) {
                      d = Tensor::empty_like(dy);
                      kernels::binary_backward(op, by, a.get(), b.get(), dy, d);
                    }
                    dx[i] = reduced_gradient(d, shapes[i]);
                  }
                });
}

Variable number(double value, const Variable& like) {
  return Variable(kernels::filled({}, value, like.dtype(), like.device()));
}

Variable apply(Binary op, const Variable& a, double b) { return apply(op, a, number(b, a)); }
Variable apply(Binary op, double a, const Variable& b) { return apply(op, number(a, b), b); }

}  // namespace

Variable add(const Variable& a, const Variable& b) { return apply(Binary::add, a, b); }
Variable sub(const Variable& a, const Variable& b) { return apply(Binary::sub, a, b); }
Variable mul(const Variable& a, const Variable& b) { return apply(Binary::mul, a, b); }
Variable div(const Variable& a, const Variable& b) { return apply(Binary::div, a, b); }
Variable maximum(const Variable& a, const Variable& b) { return apply(Binary::maximum, a, b); }
Variable minimum(const Variable& a, const Variable& b) { return apply(Binary::minimum, a, b); }
Variable pow(const Variable& a, const Variable& b) { return apply(Binary::pow, a, b); }

Variable add(const Variable& a, double b) { return apply(Binary::add, a, b); }
Variable sub(const Variable& a, double b) { return apply(Binary::sub, a, b); }
Variable mul(const Variable& a, double b) { return apply(Binary::mul, a, b); }
Variable div(const Variable& a, double b) { return apply(Binary::div, a, b); }
Variable maximum(const Variable& a, double b) { return apply(Binary::maximum, a, b); }
Variable minimum(const Variable& a, double b) { return apply(Binary::minimum, a, b); }
Variable pow(const Variable& a, double b) { return apply(Binary::pow, a, b); }

Variable add(double a, const Variable& b) { return apply(Binary::add, a, b); }
Variable sub(double a, const Variable& b) { return apply(Binary::sub, a, b); }
Variable mul(double a, const Variable& b) { return apply(Binary::mul, a, b); }
Variable div(double a, const Variable& b) { return apply(Binary::div, a, b); }
Variable maximum(double a, const Variable& b) { return apply(Binary::maximum, a, b); }
Variable minimum(double a, const Variable& b) { return apply(Binary::minimum, a, b); }
Variable pow(double a, const Variable& b) { return apply(Binary::pow, a, b); }

}  // namespace divvy
