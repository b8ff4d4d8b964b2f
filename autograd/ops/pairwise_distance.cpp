#include "autograd/ops/pairwise_distance.h"

#include "autograd/node.h"
#include "kernels/check.h"
#include "kernels/pairwise_distance.h"

namespace divvy {

Variable pairwise_distance(const Variable& x) {
  kernels::check::min_rank("pairwise_distance", "x", x.value(), 1);
  Tensor y = Tensor::empty({x.size(0), x.size(0)}, x.dtype(), x.device());
  kernels::pairwise_distance(x.value(), y);
  return record("pairwise_distance", y, {x}, [x = Saved(x), y = Saved(y)](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty_like(x.get());
    kernels::pairwise_distance_backward(x.get(), y.get(), dy, dx[0]);
  });
}

}  // namespace divvy
