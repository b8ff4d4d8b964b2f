#pragma once

#include "moe/model/dispatch.h"
#include "moe/model/routing.h"
#include "moe/model/supervision.h"

/// Losses of published code that differ from the published formulas.
namespace divvy::moe {

/// The quirk square-root-likelihood: mixture_likelihood_loss() of the square roots of the probabilities of the labels.
/// A well-known script applied the form for a normal distribution, exp(-loss / 2), to the cross-entropy. Throws
/// ValueError if there is a target.
Variable square_root_likelihood_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                                     const Supervision& supervision);

/// The quirk em-gate-sign: for a regression, the product p * ln likelihood in place of the joint log-likelihood, ln p +
/// ln likelihood. A small p makes any loss small, so the E-step prefers experts that the gate does not, and the M-step
/// drives p to 0.
Variable gate_times_log_likelihood(const Variable& gate, const Variable& log_likelihood);
/// responsibility_loss() with that product for targets, and unchanged for labels.
Variable gate_times_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                         const Supervision& supervision);

}  // namespace divvy::moe
