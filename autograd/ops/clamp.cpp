#include "autograd/ops/clamp.h"

#include "autograd/node.h"
#include "kernels/clamp.h"

namespace divvy {

Variable clamp(const Variable& x, double low, double high) {
  Tensor y = Tensor::empty_like(x.value());
  kernels::clamp(x.value(), low, high, y);
  return record("clamp", y, {x}, [x = Saved(x), low, high](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty_like(dy);
    kernels::clamp_backward(x.get(), low, high, dy, dx[0]);
  });
}

}  // namespace divvy
