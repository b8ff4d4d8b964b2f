#include "moe/model/routing.h"

#include <limits>

#include "autograd/ops/binary.h"
#include "autograd/ops/gather_last.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/where.h"
#include "kernels/dispatch.h"
#include "kernels/fill.h"
#include "nn/softmax.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

Weighting weighting_of(const RoutingOptions& options) {
  if (options.weighting != Weighting::usual) return options.weighting;
  const Weighting weighting = options.rule->weighting;
  const bool of_one = options.rule != Rule::all && (!options.rule->reads_k || options.k == 1);
  return weighting == Weighting::renormalized && of_one ? Weighting::probability : weighting;
}

/// [B, E]: 1 for the chosen experts of each sample, else 0.
Tensor chosen_mask(const Tensor& chosen, int64_t experts) {
  Tensor mask = Tensor::empty({chosen.size(0), experts}, DType::u8, chosen.device());
  kernels::chosen_mask(chosen, mask);
  return mask;
}

/// The probabilities among the chosen experts of each sample, exactly zero elsewhere.
Variable normalize_among(const Variable& scores, const Tensor& chosen, const RoutingOptions& options) {
  const bool exponential = options.normalizer == Normalizer::softmax;
  const double least = exponential ? -std::numeric_limits<double>::infinity() : 0;
  const Variable excluded(kernels::filled({}, least, scores.dtype(), scores.device()));
  const Tensor mask = chosen_mask(chosen, scores.size(1));
  if (exponential) return normalize(where(mask, scores, excluded), options);
  // Escort distributes its eps over all experts, so those not chosen must be masked again.
  return where(mask, normalize(where(mask, scores, excluded), options), excluded);
}

}  // namespace

Variable normalize(const Variable& scores, const RoutingOptions& options) {
  if (options.normalizer == Normalizer::softmax) return softmax(scores, options.temperature);
  if (options.temperature != 1) fail<ValueError>("routing: escort probabilities have no temperature");
  return nn::Escort()(scores);
}

std::string RoutingOptions::to_string() const {
  const std::string text = rule->reads_k ? fmt::format("{}-{}", rule->name, k) : std::string(rule->name);
  switch (scores) {
    case Scores::self_information: return text + " by self-information";
    case Scores::entropy: return text + " by entropy";
    case Scores::log_likelihood: return text + " by likelihood";
    case Scores::gate:
    case Scores::none: return text;
  }
  return text;
}

Routing reweigh(const Variable& scores, const Tensor& experts, const RoutingOptions& options) {
  Routing result;
  result.scores = scores;
  result.experts = experts;
  const Weighting weighting = weighting_of(options);
  const bool among_chosen = weighting == Weighting::renormalized && options.rule != Rule::all;
  result.probabilities = among_chosen ? normalize_among(scores, experts, options) : normalize(scores, options);
  if (weighting == Weighting::one) {
    result.weights = Variable(kernels::filled(experts.shape(), 1, scores.dtype(), scores.device()));
    return result;
  }
  result.weights = options.rule == Rule::all ? result.probabilities : gather_last(result.probabilities, experts);
  return result;
}

Routing route(const Variable& scores, const RoutingOptions& options, Generator& generator, const Tensor& given) {
  if (scores.shape().rank() != 2)
    fail<ShapeError>("routing: scores must be [samples, experts], got {}", scores.shape());
  if (options.rule->reads_k && (options.k < 1 || options.k > scores.size(1))) {
    fail<ValueError>("routing: {} of {} experts; k must be from 1 to {}", options.to_string(), scores.size(1),
                     scores.size(1));
  }
  const RuleInputs in{scores, options, generator, given};
  const Weighting weighting = weighting_of(options);
  if (options.rule->fused && options.normalizer == Normalizer::softmax && weighting != Weighting::one) {
    return options.rule->fused(in, weighting == Weighting::renormalized);
  }
  return reweigh(scores, options.rule->choose(in), options);
}

}  // namespace divvy::moe
