#pragma once

#include <cstdint>
#include <string>

#include "autograd/variable.h"
#include "tensor/generator.h"

namespace divvy::moe {

/// Which experts a sample goes to.
enum class Rule {
  all,      ///< every expert: the soft mixture
  top_k,    ///< the k experts with the highest scores
  arg_max,  ///< the expert with the highest score
  sampled,  ///< one expert, drawn from the gate's distribution
};

/// With what weight the output of a chosen expert enters the result.
enum class Weighting {
  /// What the rule is known by: probability for all and for top_k with k = 1, renormalised for top_k with k > 1, one
  /// for
  /// arg_max and sampled.
  usual,
  probability,   ///< softmax over all experts
  renormalised,  ///< softmax over the chosen experts; for a single one that is 1, and the gate gets no gradient
  one,           ///< 1, without a gradient
};

struct RoutingOptions {
  Rule rule = Rule::all;
  int64_t k = 1;  ///< for top_k: from 1 to the number of experts
  double temperature = 1;
  Weighting weighting = Weighting::usual;

  std::string to_string() const;
};

/// The decision of a gate for a batch of B samples and E experts. Weights and probabilities are differentiable in the
/// scores; the choice itself is integer work and is not recorded.
struct Routing {
  Variable scores;         ///< [B, E] logits
  Variable probabilities;  ///< [B, E] rows sum to 1; with renormalised weights, zero for experts that were not chosen
  Tensor experts;          ///< i64 [B, k], k = E for Rule::all; the highest score first for top_k
  Variable weights;        ///< [B, k]
};

/// Applies a routing rule to scores [B, E]. Only Rule::sampled draws from the generator, one number a sample.
/// Throws ShapeError unless the scores have two axes, ValueError for k outside [1, E] or a temperature that is not
/// positive.
Routing route(const Variable& scores, const RoutingOptions& options, Generator& generator);

/// How many experts a rule chooses for a sample.
int64_t chosen_experts(const RoutingOptions& options, int64_t experts);

}  // namespace divvy::moe
