#include "moe/model/combine.h"
#include "moe/training/regularizers.h"
#include "moe/training/regularizers/common.h"

namespace divvy::moe {

Variable class_balance_loss(const Variable& mixture) {
  require_matrix("class balance", "outputs", mixture);
  return squared_variation(mixture);
}

RegularizerKind class_balance() {
  return {.name = "class_balance",
          .summary = "squared coefficient of variation of the predicted classes",
          .help = "weight of the balance of the predicted classes",
          .value = [](const TermInputs& in) {
            const Forward& forward = in.forward();
            return class_balance_loss(combine(forward.rows, forward.routing, forward.dispatch));
          }};
}

}  // namespace divvy::moe
