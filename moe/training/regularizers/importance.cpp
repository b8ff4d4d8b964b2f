#include "moe/training/regularizers.h"
#include "moe/training/regularizers/common.h"

namespace divvy::moe {

Variable importance_loss(const Variable& probabilities) {
  require_matrix("importance", "probabilities", probabilities);
  return squared_variation(probabilities);
}

RegularizerKind importance() {
  return {.name = "importance",
          .summary = "squared coefficient of variation of the experts' shares (Shazeer et al. 2017)",
          .help = "weight of the importance loss, which balances the experts",
          .of = RegularizerKind::Of::gate,
          .value = [](const TermInputs& in) { return importance_loss(in.forward().routing.probabilities); }};
}

}  // namespace divvy::moe
