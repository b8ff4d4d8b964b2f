#include "autograd/ops/softmax_cross_entropy.h"

#include "autograd/node.h"
#include "kernels/check.h"
#include "kernels/softmax_cross_entropy.h"

namespace divvy {

Variable softmax_cross_entropy(const Variable& x, const Tensor& label) {
  kernels::check::rank("softmax_cross_entropy", "x", x.value(), 2);
  Tensor loss = Tensor::empty({x.size(0)}, x.dtype(), x.device());
  kernels::softmax_cross_entropy(x.value(), label, loss);
  return record("softmax_cross_entropy", loss, {x},
                [x = Saved(x), label = Saved(label)](const Tensor& dloss, Gradients& dx) {
                  dx[0] = Tensor::empty_like(x.get());
                  kernels::softmax_cross_entropy_backward(x.get(), label.get(), dloss, dx[0]);
                });
}

}  // namespace divvy
