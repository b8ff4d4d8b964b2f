#include "kernels/tally.h"

#include "kernels/backend.h"
#include "kernels/check.h"

namespace divvy::kernels {

void tally(std::span<const Tensor> values, std::span<const double> factors, Tensor& sums) {
  if (factors.size() != values.size()) {
    fail<ValueError>("tally: {} factors for {} values", factors.size(), values.size());
  }
  check::dtype("tally", "sums", sums, DType::f64);
  check::shape("tally", "sums", sums, {2, static_cast<int64_t>(values.size())});
  for (const Tensor& value : values) {
    check::floating("tally", "a value", value);
    if (value.numel() != 1) fail<ShapeError>("tally: a value must have one element, got {}", value.shape());
    check::same_device("tally", "a value", value, sums);
  }
  DIVVY_BACKEND(sums, tally)(values, factors, sums);
}

void count_right(const Tensor& output, const Tensor& labels, Tensor& count) {
  check::floating("count_right", "output", output);
  check::rank("count_right", "output", output, 2);
  if (output.size(1) == 0) fail<ShapeError>("count_right: an output {} has no classes", output.shape());
  check::dtype("count_right", "labels", labels, DType::i64);
  check::shape("count_right", "labels", labels, {output.size(0)});
  check::same_device("count_right", "labels", labels, output);
  check::dtype("count_right", "count", count, DType::i64);
  check::shape("count_right", "count", count, {});
  check::same_device("count_right", "count", count, output);
  DIVVY_BACKEND(output, count_right)(output, labels, count);
}

}  // namespace divvy::kernels
