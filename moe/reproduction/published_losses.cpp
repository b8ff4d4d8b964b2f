#include "moe/reproduction/published_losses.h"

#include "autograd/ops/binary.h"
#include "autograd/ops/unary.h"
#include "moe/training/likelihood.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

using LossFunction = Variable (*)(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                                  const Supervision& supervision);

void exchange(Objective& objective, const char* name, LossFunction function) {
  if (objective.loss.name != name) return;
  objective.loss.value = [function](const TermInputs& in) {
    const Forward& forward = in.forward();
    return function(forward.rows, forward.routing, forward.dispatch, in.known());
  };
}

}  // namespace

Variable square_root_likelihood_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                                     const Supervision& supervision) {
  if (supervision.target.defined()) {
    fail<ValueError>("likelihood: there is no square root of the likelihood of a target");
  }
  const Variable likelihood = label_likelihood(rows, dispatch, supervision);
  return mixture_loss(sqrt(add(likelihood, kProbabilityFloor)), routing, dispatch);
}

Variable gate_times_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                         const Supervision& supervision) {
  if (!supervision.target.defined()) return responsibility_loss(rows, routing, dispatch, supervision);
  return responsibility_loss(
      rows, routing, dispatch, supervision,
      [](const Variable& probability, const Variable& log_likelihood) { return mul(probability, log_likelihood); });
}

void apply(const Quirks& quirks, Objective& objective) {
  if (quirks.has(Quirk::square_root_likelihood)) exchange(objective, "likelihood", square_root_likelihood_loss);
  if (quirks.has(Quirk::em_gate_sign)) exchange(objective, "responsibility", gate_times_loss);
  if (Regularizer* same = objective.find("similarity_same"); same && quirks.has(Quirk::similarity_bracket)) {
    same->value = [](const TermInputs& in) { return sample_similarity(in).same; };
  }
}

}  // namespace divvy::moe
