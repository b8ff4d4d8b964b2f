#include "moe/training/epoch_sums.h"

#include "kernels/fill.h"
#include "kernels/metric_sums.h"

namespace divvy::moe {

EpochSums::EpochSums(const Objective& objective, Device device)
    : regularizers_(objective.names()),
      terms_(Tensor::zeros({2, 1 + static_cast<int64_t>(regularizers_.size())}, DType::f64, device)),
      right_(Tensor::zeros({}, DType::i64, device)) {}

void EpochSums::reset() {
  kernels::fill(terms_, 0);
  kernels::fill(right_, 0);
}

void EpochSums::add(const Terms& terms, int64_t samples) {
  std::vector<Tensor> values{terms.loss.value()};
  std::vector<double> factors{static_cast<double>(samples)};
  for (const Terms::Term& term : terms.regularizers) {
    values.push_back(term.value.value());
    factors.push_back(1);
  }
  kernels::accumulate_metrics(values, factors, terms_);
}

void EpochSums::add_right(const Tensor& output, const Tensor& labels) {
  kernels::count_correct(output, labels, right_);
}

EpochSums::Sums EpochSums::read() const {
  const std::vector<double> terms = terms_[0].to_doubles();
  Sums sums{terms[0], {}, static_cast<int64_t>(right_.item())};
  for (size_t i = 0; i < regularizers_.size(); ++i) sums.regularizers.emplace_back(regularizers_[i], terms[1 + i]);
  return sums;
}

}  // namespace divvy::moe
