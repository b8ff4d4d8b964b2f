#include "kernels/fill.h"
#include "kernels/pick.h"
#include "moe/training/regularizers.h"
#include "moe/training/regularizers/common.h"
#include "nn/loss.h"

namespace divvy::moe {

Variable ideal_gate_loss(const Variable& probabilities, const Variable& log_likelihoods) {
  require_matrix("ideal gate", "probabilities", probabilities);
  if (log_likelihoods.shape() != probabilities.shape()) {
    fail<ShapeError>("ideal gate: likelihoods {} for probabilities {}", log_likelihoods.shape(), probabilities.shape());
  }
  if (probabilities.size(0) == 0) return zero_like(probabilities);
  Tensor ideal = Tensor::empty_like(probabilities.value());
  // The backward of pick() makes the indicator: 1 at the best expert, else 0.
  const Tensor ones = kernels::filled({ideal.size(0)}, 1, ideal.dtype(), ideal.device());
  kernels::pick_backward(argmax(log_likelihoods, 1), ones, ideal);
  return nn::mse(probabilities, Variable(ideal));
}

RegularizerKind ideal_gate() {
  return {.name = "ideal_gate",
          .summary = "squared difference of the gate and the best expert",
          .help = "weight for a gate that prefers the best expert of each sample",
          .of = RegularizerKind::Of::gate,
          .every_expert = true,
          .value = [](const TermInputs& in) {
            return ideal_gate_loss(in.forward().routing.probabilities, in.log_likelihoods());
          }};
}

}  // namespace divvy::moe
