#include "autograd/ops/unary.h"

#include "autograd/node.h"
#include "kernels/unary.h"

namespace divvy {

namespace {

using kernels::Unary;

Variable apply(Unary op, const Variable& x) {
  Tensor y = Tensor::empty_like(x.value());
  kernels::unary(op, x.value(), y);
  const kernels::Reads reads = kernels::backward_reads(op);
  const Saved saved = reads == kernels::Reads::x ? Saved(x) : reads == kernels::Reads::y ? Saved(y) : Saved();
  return record(kernels::name_of(op).data(), y, {x}, [op, saved](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty_like(dy);
    kernels::unary_backward(op, saved.get(), saved.get(), dy, dx[0]);
  });
}

}  // namespace

Variable exp(const Variable& x) { return apply(Unary::exp, x); }
Variable log(const Variable& x) { return apply(Unary::log, x); }
Variable sqrt(const Variable& x) { return apply(Unary::sqrt, x); }
Variable rsqrt(const Variable& x) { return apply(Unary::rsqrt, x); }
Variable abs(const Variable& x) { return apply(Unary::abs, x); }
Variable tanh(const Variable& x) { return apply(Unary::tanh, x); }
Variable sigmoid(const Variable& x) { return apply(Unary::sigmoid, x); }
Variable relu(const Variable& x) { return apply(Unary::relu, x); }
Variable gelu(const Variable& x) { return apply(Unary::gelu, x); }
Variable softplus(const Variable& x) { return apply(Unary::softplus, x); }
Variable erf(const Variable& x) { return apply(Unary::erf, x); }
Variable neg(const Variable& x) { return apply(Unary::neg, x); }
Variable square(const Variable& x) { return apply(Unary::square, x); }

}  // namespace divvy
