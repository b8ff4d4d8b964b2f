#include "kernels/check.h"

namespace divvy::kernels::check {

namespace {

void indices_from(int64_t least, std::string_view op, std::string_view name, const Tensor& index, int64_t limit) {
  dtype(op, name, index, DType::i64);
  if (!index.device().is_cpu()) return;
  const auto values = index.values<int64_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < least || values[i] >= limit) {
      fail<ValueError>("{}: {}[{}] = {} is outside [{}, {})", op, name, i, values[i], least, limit);
    }
  }
}

}  // namespace

void indices(std::string_view op, std::string_view name, const Tensor& index, int64_t limit) {
  indices_from(0, op, name, index, limit);
}

void indices_or_none(std::string_view op, std::string_view name, const Tensor& index, int64_t limit) {
  indices_from(-1, op, name, index, limit);
}

}  // namespace divvy::kernels::check
