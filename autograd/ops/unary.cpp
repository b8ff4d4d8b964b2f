#include "autograd/ops/unary.h"

#include "autograd/node.h"
#include "kernels/unary.h"

namespace divvy {

namespace {

using namespace kernels::elementwise;

Variable apply(const kernels::Unary& op, const Variable& x) {
  Tensor y = Tensor::empty_like(x.value());
  kernels::unary(op, x.value(), y);
  const Saved saved_x = reads(op.reads, Reads::x) ? Saved(x) : Saved();
  const Saved saved_y = reads(op.reads, Reads::y) ? Saved(y) : Saved();
  return record(op.name, y, {x}, [op, saved_x, saved_y](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty_like(dy);
    kernels::unary_backward(op, saved_x.get(), saved_y.get(), dy, dx[0]);
  });
}

}  // namespace

Variable exp(const Variable& x) { return apply(Exp(), x); }
Variable log(const Variable& x) { return apply(Log(), x); }
Variable sqrt(const Variable& x) { return apply(Sqrt(), x); }
Variable rsqrt(const Variable& x) { return apply(Rsqrt(), x); }
Variable abs(const Variable& x) { return apply(Abs(), x); }
Variable sin(const Variable& x) { return apply(Sin(), x); }
Variable cos(const Variable& x) { return apply(Cos(), x); }
Variable tanh(const Variable& x) { return apply(Tanh(), x); }
Variable sigmoid(const Variable& x) { return apply(Sigmoid(), x); }
Variable relu(const Variable& x) { return apply(Relu(), x); }
Variable gelu(const Variable& x) { return apply(Gelu(), x); }
Variable softplus(const Variable& x) { return apply(Softplus(), x); }
Variable erf(const Variable& x) { return apply(Erf(), x); }
Variable neg(const Variable& x) { return apply(Neg(), x); }
Variable square(const Variable& x) { return apply(Square(), x); }

}  // namespace divvy
