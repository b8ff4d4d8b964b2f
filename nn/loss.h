#pragma once

#include "autograd/variable.h"

/// Losses. Labels are i64 [B] in [0, C); a ValueError names the first one out of range. Cross-entropies are in nats.
/// The mean over an empty batch throws ValueError.
namespace divvy::nn {

/// How the losses of the samples are combined: not at all, or to their mean or sum.
enum class Reduction { none, mean, sum };

/// -log softmax(logits)[label], for logits [B, C].
Variable cross_entropy(const Variable& logits, const Tensor& labels, Reduction reduction = Reduction::mean);

/// -log_probabilities[label], for log-probabilities [B, C].
Variable nll(const Variable& log_probabilities, const Tensor& labels, Reduction reduction = Reduction::mean);

/// -log(probabilities[label] + eps), for probabilities [B, C], as a mixture gives them. Throws ValueError unless eps is
/// finite and not negative.
Variable cross_entropy_from_probabilities(const Variable& probabilities, const Tensor& labels,
                                          Reduction reduction = Reduction::mean, double eps = 1e-15);

/// (prediction - target)^2 of each element; the shapes must be equal. The mean is over all elements.
Variable mse(const Variable& prediction, const Variable& target, Reduction reduction = Reduction::mean);

/// Applies `reduction` to `losses` of any shape; for user-defined losses. Throws ValueError naming `loss` for the mean
/// of an empty tensor.
Variable reduce(const char* loss, const Variable& losses, Reduction reduction);

}  // namespace divvy::nn
