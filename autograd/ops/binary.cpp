#include "autograd/ops/binary.h"

#include <array>

#include "autograd/node.h"
#include "autograd/ops/broadcast.h"
#include "kernels/binary.h"
#include "kernels/fill.h"

namespace divvy {

namespace {

using namespace kernels::elementwise;
using kernels::Binary;

/// An operand, where the derivative by one that requires a gradient reads it.
Saved saved(const Binary& op, Reads operand, const Variable& a, const Variable& b) {
  const bool read =
      (a.requires_grad() && reads(op.reads[0], operand)) || (b.requires_grad() && reads(op.reads[1], operand));
  return read ? Saved(operand == Reads::a ? a : b) : Saved();
}

Variable apply(const Binary& op, const Variable& a, const Variable& b) {
  Tensor y = Tensor::empty(broadcast_shapes(op.name, a.shape(), b.shape()), a.dtype(), a.device());
  kernels::binary(op, a.value(), b.value(), y);
  return record(op.name, y, {a, b},
                [op, a = saved(op, Reads::a, a, b), b = saved(op, Reads::b, a, b),
                 shapes = std::array{a.shape(), b.shape()}](const Tensor& dy, Gradients& dx) {
                  for (const size_t by : {size_t{0}, size_t{1}}) {
                    if (!dx.needs(by)) continue;
                    Tensor d = dy;
                    if (!op.passes[by]) {
                      d = Tensor::empty_like(dy);
                      kernels::binary_backward(op, static_cast<int>(by), a.get(), b.get(), dy, d);
                    }
                    dx[by] = reduced_gradient(d, shapes[by]);
                  }
                });
}

Variable number(double value, const Variable& like) {
  return Variable(kernels::filled({}, value, like.dtype(), like.device()));
}

Variable apply(const Binary& op, const Variable& a, double b) { return apply(op, a, number(b, a)); }
Variable apply(const Binary& op, double a, const Variable& b) { return apply(op, number(a, b), b); }

}  // namespace

Variable add(const Variable& a, const Variable& b) { return apply(Add(), a, b); }
Variable sub(const Variable& a, const Variable& b) { return apply(Sub(), a, b); }
Variable mul(const Variable& a, const Variable& b) { return apply(Mul(), a, b); }
Variable div(const Variable& a, const Variable& b) { return apply(Div(), a, b); }
Variable maximum(const Variable& a, const Variable& b) { return apply(Maximum(), a, b); }
Variable minimum(const Variable& a, const Variable& b) { return apply(Minimum(), a, b); }
Variable pow(const Variable& a, const Variable& b) { return apply(Pow(), a, b); }

Variable add(const Variable& a, double b) { return apply(Add(), a, b); }
Variable sub(const Variable& a, double b) { return apply(Sub(), a, b); }
Variable mul(const Variable& a, double b) { return apply(Mul(), a, b); }
Variable div(const Variable& a, double b) { return apply(Div(), a, b); }
Variable maximum(const Variable& a, double b) { return apply(Maximum(), a, b); }
Variable minimum(const Variable& a, double b) { return apply(Minimum(), a, b); }
Variable pow(const Variable& a, double b) { return apply(Pow(), a, b); }

Variable add(double a, const Variable& b) { return apply(Add(), a, b); }
Variable sub(double a, const Variable& b) { return apply(Sub(), a, b); }
Variable mul(double a, const Variable& b) { return apply(Mul(), a, b); }
Variable div(double a, const Variable& b) { return apply(Div(), a, b); }
Variable maximum(double a, const Variable& b) { return apply(Maximum(), a, b); }
Variable minimum(double a, const Variable& b) { return apply(Minimum(), a, b); }
Variable pow(double a, const Variable& b) { return apply(Pow(), a, b); }

}  // namespace divvy
