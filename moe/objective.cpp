#include "moe/objective.h"

#include "autograd/ops/binary.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/unary.h"
#include "nn/loss.h"
#include "tensor/error.h"

namespace divvy::moe {

Variable importance_loss(const Variable& probabilities) {
  if (probabilities.shape().rank() != 2 || probabilities.size(1) < 1) {
    fail<ShapeError>("importance: probabilities must be [samples, experts], got {}", probabilities.shape());
  }
  if (probabilities.size(1) == 1) return Variable(Tensor::scalar(0, probabilities.dtype()));
  const Variable mass = sum(probabilities, {0});
  return div(var(mass), square(mean(mass)));
}

Terms evaluate(const Objective& objective, const Forward& forward, const Tensor& labels) {
  if (!(objective.importance >= 0))
    fail<ValueError>("the weight of importance must not be negative, got {}", objective.importance);
  Terms terms;
  terms.loss = terms.total = nn::cross_entropy_from_probabilities(forward.output, labels);
  if (objective.importance > 0) {
    terms.importance = importance_loss(forward.routing.probabilities);
    terms.total = add(terms.loss, mul(terms.importance, objective.importance));
  }
  return terms;
}

}  // namespace divvy::moe
