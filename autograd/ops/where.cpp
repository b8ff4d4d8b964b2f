#include "autograd/ops/where.h"

#include "autograd/node.h"
#include "autograd/ops/broadcast.h"
#include "kernels/check.h"
#include "kernels/where.h"

namespace divvy {

Variable where(const Tensor& condition, const Variable& a, const Variable& b) {
  kernels::check::defined("where", "condition", condition);
  const Shape common = broadcast_shapes("where", a.shape(), b.shape());
  Tensor y = Tensor::empty(broadcast_shapes("where", condition.shape(), common), a.dtype(), a.device());
  kernels::where(condition, a.value(), b.value(), y);
  return record("where", y, {a, b},
                [condition = Saved(condition), to_a = a.shape(), to_b = b.shape()](const Tensor& dy, Gradients& dx) {
                  const Tensor zero = Tensor::zeros({}, dy.dtype(), dy.device());
                  const auto share = [&](const Tensor& if_true, const Tensor& if_false, const Shape& to) {
                    Tensor d = Tensor::empty_like(dy);
                    kernels::where(condition.get(), if_true, if_false, d);
                    return reduced_gradient(d, to);
                  };
                  if (dx.needs(0)) dx[0] = share(dy, zero, to_a);
                  if (dx.needs(1)) dx[1] = share(zero, dy, to_b);
                });
}

}  // namespace divvy
