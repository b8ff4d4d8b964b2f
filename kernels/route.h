#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// The routing of a batch to the k best experts of each sample, as one pass over the scores:
///     experts[b, :] = the k experts with the highest scores, as top_k gives them
///     probabilities[b, :] = softmax(scores[b, :] / temperature); `among_chosen`: the softmax over the chosen experts
///                           alone, and exactly 0 for the others
///     weights[b, j] = probabilities[b, experts[b, j]]
/// scores, probabilities: [B, E] f32 or f64; weights: [B, k]; experts: i64 [B, k]; none of the results shares memory
/// with another tensor. `counts`: undefined, or what counts_buffer() gave (kernels/counting_sort.h), in which the
/// chosen experts are counted. Throws ValueError unless 1 <= k <= E and 1e-30 <= temperature <= 1e30.
/// The experts of a row with a NaN are chosen as top_k says, and its weights are NaN.
void route_top_k(const Tensor& scores, double temperature, bool among_chosen, Tensor& probabilities, Tensor& experts,
                 Tensor& weights, Tensor& counts);
DIVVY_BACKENDS(route_top_k);

inline void route_top_k(const Tensor& scores, double temperature, bool among_chosen, Tensor& probabilities,
                        Tensor& experts, Tensor& weights) {
  Tensor none;
  route_top_k(scores, temperature, among_chosen, probabilities, experts, weights, none);
}

}  // namespace divvy::kernels
