#include "moe/model/models.h"

namespace divvy::moe {

namespace {

std::vector<ModelKind> built_in_models() {
  constexpr RoutingOptions kAll{.rule = Rule::all}, kArgMax{.rule = Rule::arg_max};
  constexpr RoutingOptions kUnweighted{.rule = Rule::all, .weighting = Weighting::one, .scores = Scores::none};
  return {
      {.name = "single",
       .summary = "one expert's network alone, without a gate",
       .gated = false,
       .training = kUnweighted,
       .evaluation = kUnweighted,
       .single = true},
      {"mixture", "soft mixture: every expert, weighted by the gate", true, kAll, kAll},
      {.name = "pre-softmax",
       .summary = "softmax of the experts' logits, weighted by the gate; the temperature divides the mixture",
       .gated = true,
       .training = kAll,
       .evaluation = kAll,
       .combination = Combination::logits},
      {.name = "stochastic",
       .summary = "learns the likelihood of the mixture, answers with the expert that the gate prefers",
       .gated = true,
       .training = kAll,
       .evaluation = kArgMax,
       .loss = "likelihood"},
      {"top-1",
       "the expert that the gate prefers, the others not evaluated",
       true,
       {.rule = Rule::top_k, .k = 1},
       {.rule = Rule::top_k, .k = 1}},
      {.name = "top-k",
       .summary = "the k experts that the gate prefers, the others not evaluated",
       .gated = true,
       .training = {.rule = Rule::top_k},
       .evaluation = {.rule = Rule::top_k},
       .chooses_k = true},
      {.name = "loss-gate",
       .summary = "the gate regresses the experts' log-likelihoods, the best one answers and learns",
       .gated = true,
       .training = {.rule = Rule::arg_max, .every_expert = true},
       .evaluation = kArgMax,
       .recipe = "loss-gate"},
      {.name = "no-gate-self-information",
       .summary = "no gate: the expert least surprised by the label learns, the most certain one answers",
       .gated = false,
       .training = {.rule = Rule::arg_max, .scores = Scores::self_information, .noise = 1},
       .evaluation = {.rule = Rule::arg_max, .scores = Scores::entropy}},
      {.name = "no-gate-entropy",
       .summary = "no gate: the experts share a sample by how certain they are, the most certain one answers",
       .gated = false,
       .training = {.rule = Rule::all, .scores = Scores::entropy},
       .evaluation = {.rule = Rule::arg_max, .scores = Scores::entropy},
       .loss = "likelihood"},
      {.name = "em",
       .summary = "expectation maximization: responsibilities for all samples, then steps for gate and experts",
       .gated = true,
       .training = kAll,
       .evaluation = kArgMax,
       .loss = "responsibility",
       .recipe = "em"},
      {.name = "concatenation",
       .summary = "no gate: each expert has classes of its own, one softmax over the logits of all",
       .gated = false,
       .training = kUnweighted,
       .evaluation = kUnweighted,
       .combination = Combination::concatenation},
      {.name = "best-expert",
       .summary = "no gate: the best expert by the label learns and answers; its accuracy is an oracle's",
       .gated = false,
       .training = {.rule = Rule::arg_max, .scores = Scores::log_likelihood},
       .evaluation = {.rule = Rule::arg_max, .scores = Scores::log_likelihood}},
      {.name = "product",
       .summary = "no gate: the normalized product of the experts' distributions, by maximum likelihood",
       .gated = false,
       .training = kUnweighted,
       .evaluation = kUnweighted,
       .combination = Combination::logits},
  };
}

}  // namespace

Registry<ModelKind>& models() {
  static Registry<ModelKind> all("model", built_in_models());
  return all;
}

}  // namespace divvy::moe
