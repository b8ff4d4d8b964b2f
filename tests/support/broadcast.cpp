#include "tests/support/broadcast.h"

namespace divvy::test {

std::vector<double> broadcast_values(const Tensor& x, const Shape& shape) {
  const std::vector<double> values = x.to_doubles();
  std::vector<double> result;
  for (int64_t i = 0; i < shape.numel(); ++i) {
    int64_t rest = i, at = 0, stride = 1;
    for (int axis = 1; axis <= shape.rank(); ++axis) {
      const int64_t index = rest % shape[-axis];
      rest /= shape[-axis];
      if (axis > x.rank() || x.size(-axis) == 1) continue;
      at += index * stride;
      stride *= x.size(-axis);
    }
    result.push_back(values[static_cast<size_t>(at)]);
  }
  return result;
}

}  // namespace divvy::test
