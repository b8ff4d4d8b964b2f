#pragma once

#include "tensor/tensor.h"

namespace divvy::moe {

/// What is known of the samples of a batch beside their inputs. Losses read it, and those routing rules that go by the
/// labels; any part may be undefined where nothing asks for it.
struct Supervision {
  Supervision() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): labels alone are the usual case
  Supervision(Tensor known_labels) : labels(std::move(known_labels)) {}

  Tensor labels;            ///< i64 [B]
  Tensor target;            ///< [B, D], what a regression learns
  Tensor experts;           ///< i64 [B, k], -1 for none: the choice of Rule::given
  Tensor responsibilities;  ///< [B, E], rows sum to 1: how far each expert answers for a sample, for EM
};

}  // namespace divvy::moe
