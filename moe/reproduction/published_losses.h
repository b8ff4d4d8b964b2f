#pragma once

#include "moe/reproduction/quirks.h"
#include "moe/training/objective.h"

/// Losses as published code computed them, where its formulas say something else.
namespace divvy::moe {

/// Quirk::square_root_likelihood: mixture_likelihood_loss() of the square roots of the probabilities of the labels. A
/// well-known script applied the form for a normal distribution, exp(-loss / 2), to the cross-entropy. Throws
/// ValueError where there is a target.
Variable square_root_likelihood_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                                     const Supervision& supervision);

/// Quirk::em_gate_sign: the M-step of a regression as sum_e r[b, e] * p[b, e] * -ln likelihood_e, which drives p to 0.
/// Of labels it is responsibility_loss().
Variable gate_times_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                         const Supervision& supervision);

/// Exchanges the functions of an objective for those of the quirks, where it has the terms: the two losses above and,
/// for Quirk::similarity_bracket, a similarity_same that is not divided by B^2.
void apply(const Quirks& quirks, Objective& objective);

}  // namespace divvy::moe
