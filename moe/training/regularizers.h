#pragma once

#include "moe/model/model.h"

/// Regularizers of mixtures, each a scalar without its weight. Probabilities are the gate's, [B, E].
namespace divvy::moe {

/// The importance loss of Shazeer et al. (2017): the squared coefficient of variation, var(I) / mean(I)^2 with the
/// unbiased variance, of I = sum_b p[b, :]; 0 for one expert. It is zero where all experts matter equally.
Variable importance_loss(const Variable& probabilities);

/// The two sums of the sample-similarity loss of Krishnamurthy et al. (2023), for pairwise distances d [B, B]:
///
///     same      = sum_bb' sum_i    p[b, i] p[b', i] d[b, b'] / E
///     different = sum_bb' sum_i!=j p[b, i] p[b', j] d[b, b'] / (E^2 - E), 0 for one expert
///
/// in closed form, O(B^2 E). `same` is large where distant samples share an expert.
struct SampleSimilarity {
  Variable same, different;
};
SampleSimilarity sample_similarity(const Variable& probabilities, const Tensor& distance);

/// Euclidean distances of all pairs of samples x [B, ...], flattened, divided by the greatest one; all 0 for a batch of
/// equal samples. With `features`, distances of features(x), which is evaluated as it is, without a gradient.
Tensor normalized_distance(const Tensor& x, nn::Module* features = nullptr);

/// The squared coefficient of variation over the classes, with the unbiased variance, of the mass that the mixture
/// gives them, sum_b sum_i p[b, i] y_i[b, :]; 0 for one class. It balances classes, not experts.
Variable class_balance_loss(const Variable& mixture);

/// The mean over samples and pairs of experts of the inner product of their outputs, for outputs [E, B, C]: 0 where no
/// two experts give mass to the same class. In closed form, (|sum_i y_i|^2 - sum_i |y_i|^2) / (E^2 - E); 0 for one
/// expert.
Variable orthogonality_loss(const Variable& outputs);

/// The mean squared difference of the gate's probabilities and the indicator of the expert with the greatest
/// likelihood, over samples and experts. log_likelihoods: [B, E]; no gradient goes into it.
Variable ideal_gate_loss(const Variable& probabilities, const Variable& log_likelihoods);

/// sum_e mean_b |scores[b, e] - log_likelihoods[b, e]|: lets a gate regress how well each expert explains a sample. No
/// gradient goes into the likelihoods.
Variable gate_regression_loss(const Variable& scores, const Variable& log_likelihoods);

}  // namespace divvy::moe
