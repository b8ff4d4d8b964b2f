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
  self_information,  ///< log2 of the probability that an expert gives the label: the least surprised one is preferred
  entropy,           ///< minus the entropy of an expert's output, in bits: the most certain one is preferred
  log_likelihood,    ///< ln of the likelihood of label or target under an expert: the best one is preferred (an oracle)
  none,              ///< all experts alike: for rules that need no preference
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

/// With what weight the output of a chosen expert enters the result.
enum class Weighting {
  /// What the rule is known by: probability for all and for top_k with k = 1, renormalized for top_k with k > 1, one
  /// for arg_max, sampled and given.
  usual,
  probability,   ///< the probability among all experts
  renormalized,  ///< the probability among the chosen experts; for a single one that is 1, and the gate learns nothing
  one,           ///< 1, without a gradient
};

/// A routing rule, which may be one of a program's own: a constant that lives as long as the program, and with which a
/// model of moe/model/models.h can be added.
struct RuleKind {
  std::string_view name;                   ///< as plans print it
  Tensor (*choose)(const RuleInputs& in);  ///< i64 [B, k]: the experts of each sample
  Weighting weighting = Weighting::one;    ///< Weighting::usual of this rule
  bool reads_k = false;                    ///< chooses RoutingOptions::k experts; else one
  std::string_view obstacle = {};          ///< why a step cannot be recorded and replayed; "": it can be
  Routing (*fused)(const RuleInputs&,
                   bool renormalized) = nullptr;  ///< the whole of route() in one, for softmax weights
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

/// What these are; see moe/model/rules.cpp.
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
  double noise = 0;           ///< standard deviation of the normal noise on scores that do not come from a gate
  bool every_expert = false;  ///< evaluates all experts, whatever the rule; losses and analysis of all need it

  std::string to_string() const;
};

/// The decision for a batch of B samples and E experts. Weights and probabilities are differentiable in the scores of a
/// gate; scores that the experts gave are constants, and the choice itself is integer work and is not recorded.
struct Routing {
  Variable scores;         ///< [B, E] logits
  Variable probabilities;  ///< [B, E] rows sum to 1; with renormalized weights, zero for experts that were not chosen
  Tensor experts;          ///< i64 [B, k], k = E for Rule::all; the highest score first for top_k
  Variable weights;        ///< [B, k]
  Tensor counts = {};      ///< of these experts, for Dispatch::of(); undefined where nothing counted them
  bool undivided = false;  ///< all of several experts have a part in every sample, and nothing prefers one of them
};

/// Applies a routing rule to scores [B, E]; `given`: the choice of Rule::given. Only Rule::sampled draws from the
/// generator, one number a sample. Throws ShapeError unless the scores have two axes, ValueError for k outside [1, E],
/// a temperature that is not positive, a temperature with escort, or a given choice that is not there.
Routing route(const Variable& scores, const RoutingOptions& options, Generator& generator, const Tensor& given = {});

/// The weights for a choice that was made before, from other scores or at another temperature.
Routing reweigh(const Variable& scores, const Tensor& experts, const RoutingOptions& options);

/// The probabilities [B, E] of scores [B, E]. Throws ValueError for a temperature with escort.
Variable normalize(const Variable& scores, const RoutingOptions& options);

/// How many experts a rule chooses for a sample.
int64_t chosen_experts(const RoutingOptions& options, int64_t experts);

/// Whether the scores can only be known once all experts have been evaluated.
inline bool scored_by_experts(Scores scores) {
  return scores == Scores::self_information || scores == Scores::entropy || scores == Scores::log_likelihood;
}

}  // namespace divvy::moe
