#include "moe/reproduction/published_losses.h"

#include "autograd/ops/binary.h"
#include "autograd/ops/unary.h"
#include "moe/training/likelihood.h"
#include "tensor/error.h"

namespace divvy::moe {

Variable square_root_likelihood_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                                     const Supervision& supervision) {
  if (supervision.target.defined()) {
    fail<ValueError>("likelihood: there is no square root of the likelihood of a target");
  }
  const Variable likelihood = label_likelihood(rows, dispatch, supervision);
  return mixture_loss(sqrt(add(likelihood, kProbabilityFloor)), routing, dispatch);
}

Variable gate_times_log_likelihood(const Variable& gate, const Variable& log_likelihood) {
  return mul(gate, log_likelihood);
}

Variable gate_times_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                         const Supervision& supervision) {
  if (!supervision.target.defined()) return responsibility_loss(rows, routing, dispatch, supervision);
  return responsibility_loss(rows, routing, dispatch, supervision, gate_times_log_likelihood);
}

}  // namespace divvy::moe
