#include "moe/training/regularizers.h"
#include "moe/training/regularizers/common.h"

namespace divvy::moe {

Variable gate_regression_loss(const Variable& scores, const Variable& log_likelihoods) {
  require_matrix("gate regression", "scores", scores);
  if (log_likelihoods.shape() != scores.shape()) {
    fail<ShapeError>("gate regression: likelihoods {} for scores {}", log_likelihoods.shape(), scores.shape());
  }
  if (scores.size(0) == 0) return zero_like(scores);
  return sum(mean(abs(sub(scores, log_likelihoods.detach())), {0}));
}

RegularizerKind gate_regression() {
  return {.name = "gate_regression",
          .summary = "difference of scores and log-likelihoods of the experts",
          .help = "weight for scores that equal the experts' log-likelihoods",
          .of = RegularizerKind::Of::gate,
          .every_expert = true,
          .value = [](const TermInputs& in) {
            return gate_regression_loss(in.forward().routing.scores, in.log_likelihoods());
          }};
}

}  // namespace divvy::moe
