#include "kernels/metric_sums.h"

#include "kernels/check.h"

namespace divvy::kernels {

void accumulate_metrics(std::span<const Tensor> values, std::span<const double> factors, Tensor& sums) {
  if (factors.size() != values.size()) {
    fail<ValueError>("accumulate_metrics: {} factors for {} values", factors.size(), values.size());
  }
  check::dtype("accumulate_metrics", "sums", sums, DType::f64);
  check::shape("accumulate_metrics", "sums", sums, {2, static_cast<int64_t>(values.size())});
  for (const Tensor& value : values) {
    check::floating("accumulate_metrics", "a value", value);
    if (value.numel() != 1)
      fail<ShapeError>("accumulate_metrics: a value must have one element, got {}", value.shape());
    check::same_device("accumulate_metrics", "a value", value, sums);
  }
  DIVVY_BACKEND(sums, accumulate_metrics)(values, factors, sums);
}

void count_correct(const Tensor& output, const Tensor& labels, Tensor& count) {
  check::floating("count_correct", "output", output);
  check::rank("count_correct", "output", output, 2);
  if (output.size(1) == 0) fail<ShapeError>("count_correct: an output {} has no classes", output.shape());
  check::dtype("count_correct", "labels", labels, DType::i64);
  check::shape("count_correct", "labels", labels, {output.size(0)});
  check::same_device("count_correct", "labels", labels, output);
  check::dtype("count_correct", "count", count, DType::i64);
  check::shape("count_correct", "count", count, {});
  check::same_device("count_correct", "count", count, output);
  DIVVY_BACKEND(output, count_correct)(output, labels, count);
}

}  // namespace divvy::kernels
