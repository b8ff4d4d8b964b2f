#include "autograd/ops/permute.h"

#include <numeric>
#include <utility>

#include "autograd/node.h"
#include "kernels/permute.h"
#include "tensor/error.h"

namespace divvy {

namespace {

Tensor permuted(const Tensor& x, const std::vector<int>& axes) {
  Tensor y = Tensor::empty(kernels::permuted_shape(x.shape(), axes), x.dtype(), x.device());
  kernels::permute(x, axes, y);
  return y;
}

std::vector<int> inverse(const Shape& shape, const std::vector<int>& axes) {
  std::vector<int> result(axes.size());
  for (size_t k = 0; k < axes.size(); ++k) {
    result[static_cast<size_t>(shape.normalize_axis(axes[k]))] = static_cast<int>(k);
  }
  return result;
}

}  // namespace

Variable permute(const Variable& x, const std::vector<int>& axes) {
  const Tensor y = permuted(x.value(), axes);
  return record("permute", y, {x},
                [back = inverse(x.shape(), axes)](const Tensor& dy, Gradients& dx) { dx[0] = permuted(dy, back); });
}

Variable transpose(const Variable& x) {
  const int rank = x.shape().rank();
  if (rank < 2) fail<ShapeError>("transpose: x must have rank 2 or more, got {}", x.shape());
  std::vector<int> axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
  return permute(x, axes);
}

Variable Variable::transpose() const { return divvy::transpose(*this); }

}  // namespace divvy
