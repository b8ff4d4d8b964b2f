#include "moe/model/combine.h"
#include "moe/training/regularizers.h"
#include "moe/training/regularizers/common.h"

namespace divvy::moe {

Variable orthogonality_loss(const Variable& outputs) {
  if (outputs.shape().rank() != 3)
    fail<ShapeError>("orthogonality: outputs must be [E, B, C], got {}", outputs.shape());
  const auto experts = static_cast<double>(outputs.size(0)), samples = static_cast<double>(outputs.size(1));
  if (outputs.size(0) < 2 || outputs.size(1) == 0) return zero_like(outputs);
  const Variable pairs = sub(sum(square(sum(outputs, {0}))), sum(square(outputs)));
  return div(pairs, (experts * experts - experts) * samples);
}

RegularizerKind orthogonality() {
  return {.name = "orthogonality",
          .summary = "how alike the outputs of different experts are",
          .help = "weight against experts with the same outputs",
          .of = RegularizerKind::Of::experts,
          .every_expert = true,
          .value = [](const TermInputs& in) {
            return orthogonality_loss(by_expert(in.forward().rows, in.forward().dispatch));
          }};
}

}  // namespace divvy::moe
