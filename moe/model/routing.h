#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "autograd/variable.h"
#include "tensor/choices.h"
#include "tensor/generator.h"

namespace divvy::moe {

/// Where the scores of the experts come from.
enum class Scores {
  gate,
  self_information,  ///< log2 of the probability that an expert gives the label; prefers the least surprised expert
  entropy,           ///< minus the entropy of an expert's output, in bits; prefers the most certain expert
  log_likelihood,    ///< ln of the likelihood of label or target under an expert; prefers the best expert (an oracle)
  none,              ///< zero for all experts: for rules that need no preference
};

struct RoutingOptions;
struct Routing;

/// What a rule reads to choose experts.
struct RuleInputs {
  const Variable& scores;  ///< [B, E]
  const RoutingOptions& options;
  Generator& generator;
  const Tensor& given;  ///< Supervision::experts, or undefined
};

/// The weight of a chosen expert's output.
enum class Weighting {
  /// The rule's own weighting: probability for all and for top_k with k = 1, renormalized for top_k with k > 1, one for
  /// arg_max, sampled and given.
  usual,
  probability,   ///< the probability among all experts
  renormalized,  ///< the probability among the chosen experts; 1 for a single one, so that the gate gets no gradient
  one,           ///< 1, without a gradient
};

/// A routing rule: a constant that lives as long as the program. A program can define its own and register a model with
/// it (moe/model/models.h).
struct RuleKind {
  std::string_view name;                   ///< as printed in plans
  Tensor (*choose)(const RuleInputs& in);  ///< i64 [B, k]: the experts of each sample
  Weighting weighting = Weighting::one;    ///< Weighting::usual of this rule
  bool reads_k = false;                    ///< whether it chooses RoutingOptions::k experts rather than one
  std::string_view obstacle = {};          ///< why steps cannot be recorded and replayed; "" if they can be
  Routing (*fused)(const RuleInputs&,
                   bool renormalized) = nullptr;  ///< optional: all of route() as one operation, for softmax weights
};

/// Which experts a sample goes to: a handle to a RuleKind.
class Rule {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a rule is what it is made of
  constexpr Rule(const RuleKind& kind) : kind_(&kind) {}
  constexpr const RuleKind* operator->() const { return kind_; }
  constexpr bool operator==(const Rule&) const = default;

  static const Rule all;      ///< every expert: the soft mixture
  static const Rule top_k;    ///< the k experts with the highest scores
  static const Rule arg_max;  ///< the expert with the highest score
  static const Rule sampled;  ///< one expert, drawn from the probabilities
  static const Rule given;    ///< the experts that come with the batch (Supervision::experts)

 private:
  const RuleKind* kind_;
};

/// The constants behind these handles, defined in moe/model/rules.cpp.
extern const RuleKind kRuleAll, kRuleTopK, kRuleArgMax, kRuleSampled, kRuleGiven;
inline constexpr Rule Rule::all{kRuleAll}, Rule::top_k{kRuleTopK}, Rule::arg_max{kRuleArgMax},
    Rule::sampled{kRuleSampled}, Rule::given{kRuleGiven};

/// How scores become probabilities.
enum class Normalizer {
  softmax,  ///< exp(z / T) / sum exp(z / T)
  escort,   ///< z^2 / sum z^2, as nn::Escort; it has no temperature
};

inline constexpr Choice<Normalizer> kNormalizers[] = {{Normalizer::softmax, "softmax", "exp(z) / sum exp(z)"},
                                                      {Normalizer::escort, "escort", "z^2 / sum z^2"}};
constexpr std::span<const Choice<Normalizer>> choices(Normalizer) { return kNormalizers; }

struct RoutingOptions {
  Rule rule = Rule::all;
  int64_t k = 1;  ///< for top_k: from 1 to the number of experts
  double temperature = 1;
  Weighting weighting = Weighting::usual;
  Scores scores = Scores::gate;
  Normalizer normalizer = Normalizer::softmax;
  double noise = 0;           ///< standard deviation of normal noise added to the scores of experts
  bool every_expert = false;  ///< evaluates all experts whatever the rule, as some losses and analyses need

  std::string to_string() const;
};

/// The decision for a batch of B samples and E experts. Weights and probabilities are differentiable in the scores of a
/// gate; scores of experts are constants, and the choice itself has no gradient.
struct Routing {
  Variable scores;         ///< [B, E] logits
  Variable probabilities;  ///< [B, E] rows sum to 1; with renormalized weights, zero for experts that were not chosen
  Tensor experts;          ///< i64 [B, k], k = E for Rule::all; the highest score first for top_k
  Variable weights;        ///< [B, k]
  Tensor counts = {};      ///< from kernels::route_top_k(), for Dispatch::of(); may be undefined
  bool undivided = false;  ///< every sample goes to all of several experts, and none of them is preferred
};

/// Applies a routing rule to scores [B, E]; `given` is the choice of Rule::given. Of the built-in rules only
/// Rule::sampled draws from the generator, one number for each sample. Throws ShapeError unless the scores have two
/// axes, ValueError for k outside [1, E], a temperature outside [1e-30, 1e30], a temperature with escort, or a missing
/// given choice. Scores that are NaN are ordered as by top_k, which gives valid experts, and their weights are NaN;
/// Rule::sampled throws NonFiniteError for them, on a GPU ValueError with the next copy to the host.
Routing route(const Variable& scores, const RoutingOptions& options, Generator& generator, const Tensor& given = {});

/// The routing of a previous choice with weights from other scores or options.
Routing reweigh(const Variable& scores, const Tensor& experts, const RoutingOptions& options);

/// The probabilities [B, E] of scores [B, E]. Throws ValueError for a temperature with escort.
Variable normalize(const Variable& scores, const RoutingOptions& options);

/// Whether the scores are computed from the outputs of all experts.
inline bool scored_by_experts(Scores scores) {
  return scores == Scores::self_information || scores == Scores::entropy || scores == Scores::log_likelihood;
}

}  // namespace divvy::moe
