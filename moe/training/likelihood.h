#pragma once

#include "moe/model/dispatch.h"
#include "moe/model/routing.h"
#include "moe/model/supervision.h"

/// How well each expert explains a sample. A classifying expert gives probabilities, and the likelihood of a label is
/// its probability. A regressing one is the mean of a normal distribution with unit variance, and the likelihood of a
/// target is exp(-|target - row|^2 / 2), without its constant factor (Jacobs et al., 1991).
namespace divvy::moe {

/// What is added to a probability before its logarithm is taken.
inline constexpr double kProbabilityFloor = 1e-15;

/// ln of the likelihood of its sample under each row, [N]: ln(rows[n, label] + 1e-15) where there is no target. rows:
/// [N, C], in the layout of the dispatch. Throws ValueError where neither labels nor a target are known, ShapeError
/// where they do not fit.
Variable row_log_likelihood(const Variable& rows, const Dispatch& dispatch, const Supervision& supervision);

/// One value a row, [N], of a dense dispatch as [B, E]. Throws ShapeError where the dispatch is not dense.
Variable by_sample(const Variable& row_values, const Dispatch& dispatch);

/// The likelihood of its label under each row, [N]: rows[n, label]. Throws as row_log_likelihood().
Variable label_likelihood(const Variable& rows, const Dispatch& dispatch, const Supervision& supervision);

/// -ln sum over the chosen experts of weight * likelihood, the mean over the samples, in nats. Of labels it is
/// mixture_loss() of label_likelihood(); of targets it is computed from logarithms.
Variable mixture_likelihood_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                                 const Supervision& supervision);
/// -ln(sum over the chosen experts of weight * value + 1e-15), the mean over the samples, for one value a row, [N].
Variable mixture_loss(const Variable& row_values, const Routing& routing, const Dispatch& dispatch);

/// ln of the likelihood of a sample and of the expert that answers for it: ln(gate + 1e-15) + log_likelihood, with the
/// probabilities of a gate and ln of the likelihoods under its experts, in shapes alike.
Variable joint_log_likelihood(const Variable& gate, const Variable& log_likelihood);

/// sum_e r[b, e] * -joint(p[b, e], ln likelihood_e), the mean over the samples: with the logarithm of their product
/// what the M-step of EM minimizes (Jordan and Jacobs, 1994), with r the responsibilities of the supervision. The
/// experts' part needs a dense dispatch, or a given choice of one expert a sample, which then answers for it alone.
Variable responsibility_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                             const Supervision& supervision,
                             Variable (*joint)(const Variable& gate,
                                               const Variable& log_likelihood) = joint_log_likelihood);

/// The scores [B, E] that the experts' own outputs give (see Scores), as constants, from the rows of a dense dispatch.
/// Noise is normal with that standard deviation. Throws ValueError for the entropy of a regression, and where the
/// labels that a score needs are not known.
Variable scores_of_experts(Scores scores, const Variable& rows, const Dispatch& dispatch,
                           const Supervision& supervision, double noise, Generator& generator);

}  // namespace divvy::moe
