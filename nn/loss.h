#pragma once

#include "autograd/variable.h"

/// Losses. Labels are i64 [B] in [0, C); the first one out of range is named by a ValueError. Losses of classes are in
/// nats. The mean over an empty batch is a ValueError.
namespace divvy::nn {

/// What becomes of the losses of the samples: one each, their mean or their sum.
enum class Reduction { none, mean, sum };

/// -log softmax(logits)[label], for logits [B, C].
Variable cross_entropy(const Variable& logits, const Tensor& labels, Reduction reduction = Reduction::mean);

/// -log_probabilities[label], for log-probabilities [B, C].
Variable nll(const Variable& log_probabilities, const Tensor& labels, Reduction reduction = Reduction::mean);

/// -log(probabilities[label] + eps), for probabilities [B, C], as a mixture gives them. Throws ValueError unless eps is
/// finite and not negative.
Variable cross_entropy_from_probabilities(const Variable& probabilities, const Tensor& labels,
                                          Reduction reduction = Reduction::mean, double eps = 1e-15);

/// (prediction - target)^2 of each element; the shapes must be equal. The mean is that of all elements.
Variable mse(const Variable& prediction, const Variable& target, Reduction reduction = Reduction::mean);

/// `losses` of any shape, as they are or put together as `reduction` says. For losses of one's own. Throws ValueError
/// naming `loss` for the mean of nothing.
Variable reduce(const char* loss, const Variable& losses, Reduction reduction);

}  // namespace divvy::nn
