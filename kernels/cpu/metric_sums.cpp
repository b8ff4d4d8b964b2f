#include "kernels/metric_sums.h"

#include <algorithm>

#include "kernels/cpu/target.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

void accumulate_metrics(std::span<const Tensor> values, std::span<const double> factors, Tensor& sums) {
  double *sum = sums.mutable_data<double>(), *last = sum + values.size();
  for (size_t i = 0; i < values.size(); ++i) {
    last[i] = values[i].item();
    sum[i] += last[i] * factors[i];
  }
}

void count_correct(const Tensor& output, const Tensor& labels, Tensor& count) {
  visit_floating("count_correct", output.dtype(), [&]<class T>() {
    const int64_t classes = output.size(1);
    const T* row = output.data<T>();
    int64_t right = 0;
    for (const int64_t label : labels.values<int64_t>()) {
      right += std::max_element(row, row + classes) - row == label;
      row += classes;
    }
    *count.mutable_data<int64_t>() += right;
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
