#include "moe/epoch_sums.h"

#include "kernels/fill.h"
#include "kernels/tally.h"

namespace divvy::moe {

EpochSums::EpochSums(const Objective& objective, Device device)
    : regularisers_(objective.regularisers()),
      terms_(Tensor::zeros({2, 1 + static_cast<int64_t>(regularisers_.size())}, DType::f64, device)),
      right_(Tensor::zeros({}, DType::i64, device)) {}

void EpochSums::reset() {
  kernels::fill(terms_, 0);
  kernels::fill(right_, 0);
}

void EpochSums::add(const Terms& terms, int64_t samples) {
  std::vector<Tensor> values{terms.loss.value()};
  std::vector<double> factors{static_cast<double>(samples)};
  for (const Terms::Regulariser& term : terms.regularisers) {
    values.push_back(term.value.value());
    factors.push_back(1);
  }
  kernels::tally(values, factors, terms_);
}

void EpochSums::add_right(const Tensor& output, const Tensor& labels) { kernels::count_right(output, labels, right_); }

EpochSums::Sums EpochSums::read() const {
  const std::vector<double> terms = terms_[0].to_doubles();
  Sums sums{terms[0], {}, static_cast<int64_t>(right_.item())};
  for (size_t i = 0; i < regularisers_.size(); ++i) sums.regularisers.emplace_back(regularisers_[i], terms[1 + i]);
  return sums;
}

}  // namespace divvy::moe
