#include "moe/training/term_inputs.h"

#include <limits>

#include "autograd/ops/binary.h"
#include "autograd/ops/pairwise_distance.h"
#include "autograd/ops/reduce.h"
#include "moe/training/likelihood.h"

namespace divvy::moe {

Tensor normalized_distance(const Tensor& x, nn::Module* features) {
  const NoGrad no_grad;
  const Variable distance = pairwise_distance(features == nullptr ? Variable(x) : (*features)(Variable(x)));
  if (distance.value().numel() == 0) return distance.value();
  // If all samples are equal, this divides 0 by the smallest number; a test on the host would wait for the device.
  const double tiny =
      distance.dtype() == DType::f32 ? std::numeric_limits<float>::min() : std::numeric_limits<double>::min();
  return div(distance, maximum(max(distance), tiny)).value();
}

const Tensor& TermInputs::distances() const {
  if (!distances_.defined()) distances_ = normalized_distance(forward_.input.value(), features_);
  return distances_;
}

const Variable& TermInputs::log_likelihoods() const {
  if (!log_likelihoods_.defined()) {
    log_likelihoods_ =
        by_sample(row_log_likelihood(forward_.rows.detach(), forward_.dispatch, known_), forward_.dispatch);
  }
  return log_likelihoods_;
}

}  // namespace divvy::moe
