#include "kernels/check.h"

namespace divvy::kernels::check {

void indices(std::string_view op, std::string_view name, const Tensor& index, int64_t limit) {
  dtype(op, name, index, DType::i64);
  if (!index.device().is_cpu()) return;
  const auto values = index.values<int64_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= limit) {
      fail<ValueError>("{}: {}[{}] = {} is outside [0, {})", op, name, i, values[i], limit);
    }
  }
}

}  // namespace divvy::kernels::check
