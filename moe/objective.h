#pragma once

#include "moe/model.h"

namespace divvy::moe {

/// What training minimises: the loss of the output plus weighted regularisers.
struct Objective {
  double importance = 0;  ///< weight of importance_loss()
};

/// The terms of an objective for one batch.
struct Terms {
  Variable total;       ///< a scalar: what backward() starts from
  Variable loss;        ///< the loss of the output alone
  Variable importance;  ///< importance_loss, not weighted; undefined where its weight is 0
};

/// Cross-entropy of the output probabilities with the labels i64 [B], mean over the batch (nats), plus the
/// regularisers. Throws ValueError for a negative weight.
Terms evaluate(const Objective& objective, const Forward& forward, const Tensor& labels);

/// The importance loss of Shazeer et al. (2017): the squared coefficient of variation, var(I) / mean(I)^2 with the
/// unbiased variance, of I = sum_b p[b, :]; 0 for one expert. It is zero where all experts matter equally.
/// probabilities: [B, E]; result: a scalar.
Variable importance_loss(const Variable& probabilities);

}  // namespace divvy::moe
