#include "autograd/ops/slice.h"

#include "autograd/node.h"

namespace divvy {

Variable slice(const Variable& x, int64_t begin, int64_t end) {
  const Tensor view = x.value().slice(begin, end);
  return record("slice", view, {x}, [from = x.shape(), begin, end](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::zeros(from, dy.dtype(), dy.device());
    dx[0].slice(begin, end).copy_from(dy);
  });
}

}  // namespace divvy
