#include "kernels/permute.h"

#include <fmt/ranges.h>

#include "kernels/backend.h"
#include "kernels/check.h"

namespace divvy::kernels {

Shape permuted_shape(const Shape& x, const std::vector<int>& axes) {
  bool fits = static_cast<int>(axes.size()) == x.rank();
  std::vector<bool> seen(axes.size(), false);
  std::vector<int64_t> sizes;
  for (size_t k = 0; k < axes.size() && fits; ++k) {
    const auto axis = static_cast<size_t>(x.normalize_axis(axes[k]));
    fits = !seen[axis];
    seen[axis] = true;
    sizes.push_back(x[axes[k]]);
  }
  if (!fits) fail<ShapeError>("permute: axes {} are no order of the axes of {}", axes, x);
  return Shape(std::span<const int64_t>(sizes));
}

void permute(const Tensor& x, const std::vector<int>& axes, Tensor& y) {
  check::defined("permute", "x", x);
  check::shape("permute", "y", y, permuted_shape(x.shape(), axes));
  check::same_kind("permute", "y", y, x);
  std::vector<int> normal;
  for (const int axis : axes) normal.push_back(x.shape().normalize_axis(axis));
  DIVVY_CPU_BACKEND(x, permute)(x, normal, y);
}

}  // namespace divvy::kernels
