#include "autograd/ops/softmax.h"

#include "autograd/node.h"
#include "kernels/softmax.h"

namespace divvy {

Variable softmax(const Variable& x, double temperature) {
  Tensor y = Tensor::empty_like(x.value());
  kernels::softmax(x.value(), temperature, y);
  return record("softmax", y, {x}, [y = Saved(y), temperature](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty_like(dy);
    kernels::softmax_backward(y.get(), dy, temperature, dx[0]);
  });
}

Variable log_softmax(const Variable& x, double temperature) {
  Tensor y = Tensor::empty_like(x.value());
  kernels::log_softmax(x.value(), temperature, y);
  return record("log_softmax", y, {x}, [y = Saved(y), temperature](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty_like(dy);
    kernels::log_softmax_backward(y.get(), dy, temperature, dx[0]);
  });
}

}  // namespace divvy
