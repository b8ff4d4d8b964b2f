#include "moe/training/regularizers.h"

#include <limits>

#include "autograd/ops/binary.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/pairwise_distance.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/unary.h"
#include "kernels/fill.h"
#include "kernels/pick.h"
#include "nn/loss.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

void require_matrix(const char* loss, const char* what, const Variable& x) {
  if (x.shape().rank() != 2 || x.size(1) < 1) {
    fail<ShapeError>("{}: {} must be [samples, 1 or more], got {}", loss, what, x.shape());
  }
}

Variable zero_like(const Variable& x) { return Variable(Tensor::zeros({}, x.dtype(), x.device())); }

/// The squared coefficient of variation of the column sums; 0 for one column.
Variable squared_variation(const Variable& x) {
  if (x.size(1) == 1) return zero_like(x);
  const Variable mass = sum(x, {0});
  return div(var(mass), square(mean(mass)));
}

}  // namespace

Variable importance_loss(const Variable& probabilities) {
  require_matrix("importance", "probabilities", probabilities);
  return squared_variation(probabilities);
}

Variable class_balance_loss(const Variable& mixture) {
  require_matrix("class balance", "outputs", mixture);
  return squared_variation(mixture);
}

SampleSimilarity sample_similarity(const Variable& probabilities, const Tensor& distance) {
  require_matrix("sample similarity", "probabilities", probabilities);
  const int64_t samples = probabilities.size(0), experts = probabilities.size(1);
  if (distance.shape() != Shape{samples, samples}) {
    fail<ShapeError>("sample similarity: distances {} for {} samples", distance.shape(), samples);
  }
  const Variable d(distance);
  const Variable same = sum(mul(matmul(d, probabilities), probabilities));
  const auto number = static_cast<double>(experts);
  if (experts == 1) return {same, zero_like(probabilities)};
  // All pairs of experts, less those of an expert with itself.
  const Variable mass = sum(probabilities, {1}, true);
  const Variable all = sum(mul(matmul(d, mass), mass));
  return {div(same, number), div(sub(all, same), number * number - number)};
}

Tensor normalized_distance(const Tensor& x, nn::Module* features) {
  const NoGrad no_grad;
  const Variable distance = pairwise_distance(features == nullptr ? Variable(x) : (*features)(Variable(x)));
  if (distance.value().numel() == 0) return distance.value();
  // Where all samples are alike, 0 is divided by the smallest number instead. Nothing is read on the host.
  const double tiny =
      distance.dtype() == DType::f32 ? std::numeric_limits<float>::min() : std::numeric_limits<double>::min();
  return div(distance, maximum(max(distance), tiny)).value();
}

Variable orthogonality_loss(const Variable& outputs) {
  if (outputs.shape().rank() != 3)
    fail<ShapeError>("orthogonality: outputs must be [E, B, C], got {}", outputs.shape());
  const auto experts = static_cast<double>(outputs.size(0)), samples = static_cast<double>(outputs.size(1));
  if (outputs.size(0) < 2 || outputs.size(1) == 0) return zero_like(outputs);
  const Variable pairs = sub(sum(square(sum(outputs, {0}))), sum(square(outputs)));
  return div(pairs, (experts * experts - experts) * samples);
}

Variable ideal_gate_loss(const Variable& probabilities, const Variable& log_likelihoods) {
  require_matrix("ideal gate", "probabilities", probabilities);
  if (log_likelihoods.shape() != probabilities.shape()) {
    fail<ShapeError>("ideal gate: likelihoods {} for probabilities {}", log_likelihoods.shape(), probabilities.shape());
  }
  Tensor ideal = Tensor::empty_like(probabilities.value());
  // The gradient of picking is 1 at the best expert.
  const Tensor ones = kernels::filled({ideal.size(0)}, 1, ideal.dtype(), ideal.device());
  kernels::pick_backward(argmax(log_likelihoods, 1), ones, ideal);
  return nn::mse(probabilities, Variable(ideal));
}

Variable gate_regression_loss(const Variable& scores, const Variable& log_likelihoods) {
  require_matrix("gate regression", "scores", scores);
  if (log_likelihoods.shape() != scores.shape()) {
    fail<ShapeError>("gate regression: likelihoods {} for scores {}", log_likelihoods.shape(), scores.shape());
  }
  return sum(mean(abs(sub(scores, log_likelihoods.detach())), {0}));
}

}  // namespace divvy::moe
