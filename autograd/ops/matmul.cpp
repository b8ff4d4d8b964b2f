#include "autograd/ops/matmul.h"

#include "autograd/node.h"

namespace divvy {

namespace {

Tensor product(const Tensor& a, const Tensor& b, const MatmulOptions& options) {
  Tensor y = Tensor::empty(kernels::matmul_shape(a, b, options), a.dtype(), a.device());
  kernels::matmul(a, b, options, y);
  return y;
}

}  // namespace

Variable matmul(const Variable& a, const Variable& b, const MatmulOptions& options) {
  const Saved saved_a(b.requires_grad() ? a.value() : Tensor()), saved_b(a.requires_grad() ? b.value() : Tensor());
  const auto [ta, tb, precision] = options;
  // With A = op(a) and B = op(b): dA = dy B^T and dB = A^T dy, and a transposed operand wants its gradient transposed.
  const Tensor y = product(a.value(), b.value(), options);
  const Flops flops = product_flops(2 * y.numel() * a.size(ta ? -2 : -1), {a, b});
  return record(
      "matmul", y, {a, b},
      [saved_a, saved_b, ta = ta, tb = tb, precision = precision](const Tensor& dy, Gradients& dx) {
        if (dx.needs(0)) {
          const Tensor& right = saved_b.get();
          dx[0] = ta ? product(right, dy, {tb, true, precision}) : product(dy, right, {false, !tb, precision});
        }
        if (dx.needs(1)) {
          const Tensor& left = saved_a.get();
          dx[1] = tb ? product(dy, left, {true, ta, precision}) : product(left, dy, {!ta, false, precision});
        }
      },
      flops);
}

}  // namespace divvy
