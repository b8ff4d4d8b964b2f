#pragma once

#include <cstdint>

#include "autograd/variable.h"

namespace divvy {

struct RoutedTopK {
  Variable probabilities;  ///< [B, E]
  Tensor experts;          ///< i64 [B, k], the highest score first
  Variable weights;        ///< [B, k], the probabilities of the experts
  Tensor counts;           ///< what kernels::counting_sort of the experts may be given; often undefined
};

/// The routing of a batch to the k best experts of each sample, scores [B, E] f32 or f64: softmax(scores /
/// temperature), or, with `among_chosen`, the softmax over the chosen experts alone, which is exactly 0 for the others.
/// The same as top_k, where, softmax and gather_last one after the other, in one pass. Throws ValueError unless 1 <= k
/// <= E and 1e-30 <= temperature <= 1e30.
RoutedTopK route_top_k(const Variable& scores, int64_t k, double temperature, bool among_chosen);

}  // namespace divvy
