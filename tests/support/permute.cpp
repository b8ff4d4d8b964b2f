#include "tests/support/permute.h"

namespace divvy::test {

Tensor naive_permute(const Tensor& x, const std::vector<int>& axes) {
  std::vector<int64_t> sizes;
  for (const int axis : axes) sizes.push_back(x.size(axis));
  const Shape shape{std::span<const int64_t>(sizes)};
  const auto values = x.to_doubles();
  std::vector<double> result;
  for (int64_t i = 0; i < shape.numel(); ++i) {
    // The index of element i of the result, with its axes in the order of x.
    std::vector<int64_t> index(axes.size());
    int64_t rest = i;
    for (size_t k = axes.size(); k-- > 0;) {
      const int axis = axes[k] < 0 ? axes[k] + x.rank() : axes[k];
      index[static_cast<size_t>(axis)] = rest % sizes[k];
      rest /= sizes[k];
    }
    int64_t at = 0;
    for (int axis = 0; axis < x.rank(); ++axis) at = at * x.size(axis) + index[static_cast<size_t>(axis)];
    result.push_back(values[static_cast<size_t>(at)]);
  }
  return Tensor::from(result, shape);
}

}  // namespace divvy::test
