#include "kernels/permute.h"

#include <fmt/ranges.h>

#include <array>

#include "kernels/check.h"
#include "kernels/permute_axes.h"

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

std::vector<PermutedAxis> merged_axes(const Shape& x, const std::vector<int>& axes) {
  std::array<int64_t, Shape::kMaxRank> strides{};
  int64_t step = 1;
  for (int axis = x.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<size_t>(axis)] = step;
    step *= x[axis];
  }
  std::vector<PermutedAxis> result;
  for (const int axis : axes) {
    const int64_t size = x[axis], from = strides[static_cast<size_t>(axis)];
    if (size == 1) continue;
    if (!result.empty() && result.back().from == from * size) {
      result.back().size *= size;
      result.back().from = from;
    } else {
      result.push_back({size, from, 0});
    }
  }
  step = 1;
  for (auto axis = result.rbegin(); axis != result.rend(); ++axis) {
    axis->to = step;
    step *= axis->size;
  }
  return result;
}

void permute(const Tensor& x, const std::vector<int>& axes, Tensor& y) {
  check::defined("permute", "x", x);
  check::shape("permute", "y", y, permuted_shape(x.shape(), axes));
  check::same_kind("permute", "y", y, x);
  std::vector<int> normal;
  for (const int axis : axes) normal.push_back(x.shape().normalize_axis(axis));
  DIVVY_BACKEND(x, permute)(x, normal, y);
}

}  // namespace divvy::kernels
