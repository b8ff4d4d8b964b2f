#pragma once

#include "tensor/tensor.h"

namespace divvy::moe {

/// What is known about the samples of a batch besides their inputs. Losses read it, and so do routing rules that depend
/// on labels; a part that nothing reads may be undefined.
struct Supervision {
  Supervision() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): labels alone are the usual case
  Supervision(Tensor known_labels) : labels(std::move(known_labels)) {}

  Tensor labels;            ///< i64 [B]
  Tensor target;            ///< [B, D], targets of a regression
  Tensor experts;           ///< i64 [B, k], -1 for none: the choice of Rule::given
  Tensor responsibilities;  ///< [B, E], rows sum to 1: posterior probabilities of the experts, for EM
};

}  // namespace divvy::moe
