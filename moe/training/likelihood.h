#pragma once

#include "moe/model/dispatch.h"
#include "moe/model/routing.h"
#include "moe/model/supervision.h"

/// Likelihoods of samples under each expert. The output of a classifying expert is probabilities, and the likelihood of
/// a label is its probability. The output of a regressing expert is the mean of a normal distribution with unit
/// variance, and the likelihood of a target is exp(-|target - row|^2 / 2), without the constant factor (Jacobs et al.,
/// 1991).
namespace divvy::moe {

/// Added to a probability before its logarithm is taken.
inline constexpr double kProbabilityFloor = 1e-15;

/// The log-likelihood of each row's sample, [N]: ln(rows[n, label] + 1e-15) for labels, -|target - row|^2 / 2 for a
/// target. rows: [N, C], in the layout of the dispatch. Throws ValueError if neither labels nor a target are known,
/// ShapeError if shapes do not match.
Variable row_log_likelihood(const Variable& rows, const Dispatch& dispatch, const Supervision& supervision);

/// Values of rows, [N], of a dense dispatch as [B, E]. Throws ShapeError if the dispatch is not dense.
Variable by_sample(const Variable& row_values, const Dispatch& dispatch);

/// The likelihood of the label of each row's sample, [N]: rows[n, label]. Throws as row_log_likelihood().
Variable label_likelihood(const Variable& rows, const Dispatch& dispatch, const Supervision& supervision);

/// The mean over the samples of -ln(sum over the chosen experts of weight * likelihood), in nats. For labels this is
/// mixture_loss() of label_likelihood(); for targets it is computed from logarithms.
Variable mixture_likelihood_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                                 const Supervision& supervision);
/// The mean over the samples of -ln(sum over the chosen experts of weight * value + 1e-15), for values of rows, [N].
Variable mixture_loss(const Variable& row_values, const Routing& routing, const Dispatch& dispatch);

/// The joint log-likelihood of a sample and an expert: ln(gate + 1e-15) + log_likelihood, for the probabilities of a
/// gate and the log-likelihoods of its experts, of equal shapes.
Variable joint_log_likelihood(const Variable& gate, const Variable& log_likelihood);

/// The mean over the samples of -sum_e r[b, e] * joint(p[b, e], ln likelihood_e), with r the responsibilities of the
/// supervision. With joint_log_likelihood() this is what the M-step of EM minimizes (Jordan and Jacobs, 1994). It needs
/// a dense dispatch or, without responsibilities, one given expert for each sample, whose responsibility is then 1.
Variable responsibility_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                             const Supervision& supervision,
                             Variable (*joint)(const Variable& gate,
                                               const Variable& log_likelihood) = joint_log_likelihood);

/// The scores [B, E] of the experts' own outputs (see Scores), as constants, from the rows of a dense dispatch, plus
/// normal noise of standard deviation `noise`. Throws ValueError for the entropy of a regression, and if labels or
/// targets that a score needs are not known.
Variable scores_of_experts(Scores scores, const Variable& rows, const Dispatch& dispatch,
                           const Supervision& supervision, double noise, Generator& generator);

}  // namespace divvy::moe
