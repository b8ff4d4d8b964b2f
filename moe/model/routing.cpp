#include "moe/model/routing.h"

#include <limits>

#include "autograd/ops/binary.h"
#include "autograd/ops/gather_last.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/route.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/top_k.h"
#include "autograd/ops/unary.h"
#include "autograd/ops/where.h"
#include "kernels/dispatch.h"
#include "kernels/fill.h"
#include "nn/softmax.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

Weighting weighting_of(const RoutingOptions& options) {
  if (options.weighting != Weighting::usual) return options.weighting;
  switch (options.rule) {
    case Rule::all: return Weighting::probability;
    case Rule::top_k: return options.k == 1 ? Weighting::probability : Weighting::renormalized;
    case Rule::arg_max:
    case Rule::sampled:
    case Rule::given: return Weighting::one;
  }
  return Weighting::probability;
}

Tensor every_expert(const Variable& scores) {
  Tensor result = Tensor::empty(scores.shape(), DType::i64, scores.device());
  kernels::every_expert(result);
  return result;
}

/// 1 for the chosen experts of each sample, [B, E].
Tensor chosen_mask(const Tensor& chosen, int64_t experts) {
  Tensor mask = Tensor::empty({chosen.size(0), experts}, DType::u8, chosen.device());
  kernels::chosen_mask(chosen, mask);
  return mask;
}

Variable normalize(const Variable& scores, const RoutingOptions& options) {
  if (options.normalizer == Normalizer::softmax) return softmax(scores, options.temperature);
  if (options.temperature != 1) fail<ValueError>("routing: escort probabilities have no temperature");
  return nn::Escort()(scores);
}

/// The probabilities among the chosen experts of each sample, exactly zero elsewhere.
Variable normalize_among(const Variable& scores, const Tensor& chosen, const RoutingOptions& options) {
  const bool exponential = options.normalizer == Normalizer::softmax;
  const double least = exponential ? -std::numeric_limits<double>::infinity() : 0;
  const Variable excluded(kernels::filled({}, least, scores.dtype(), scores.device()));
  const Tensor mask = chosen_mask(chosen, scores.size(1));
  if (exponential) return normalize(where(mask, scores, excluded), options);
  // Escort spreads its eps over all experts, so those that were passed over must be cut off a second time.
  return where(mask, normalize(where(mask, scores, excluded), options), excluded);
}

Tensor choose(const Variable& scores, const Variable& probabilities, const RoutingOptions& options,
              Generator& generator, const Tensor& given) {
  const int64_t samples = scores.size(0);
  switch (options.rule) {
    case Rule::all: return every_expert(scores);
    case Rule::top_k: return top_k(scores.detach(), options.k).indices;
    case Rule::arg_max: return argmax(scores, 1).reshape({samples, 1});
    case Rule::sampled: return generator.categorical(probabilities.value()).reshape({samples, 1});
    case Rule::given: break;
  }
  if (!given.defined()) fail<ValueError>("routing: the experts of the samples are to be given, and none were");
  if (given.shape().rank() != 2 || given.size(0) != samples || given.dtype() != DType::i64) {
    fail<ShapeError>("routing: the given experts must be i64 [{}, k], got {} {}", samples, given.dtype(),
                     given.shape());
  }
  return given.to(scores.device());
}

}  // namespace

std::string RoutingOptions::to_string() const {
  std::string text;
  switch (rule) {
    case Rule::all: text = "all"; break;
    case Rule::top_k: text = fmt::format("top-{}", k); break;
    case Rule::arg_max: text = "arg-max"; break;
    case Rule::sampled: text = "sampled"; break;
    case Rule::given: text = "given"; break;
  }
  switch (scores) {
    case Scores::self_information: return text + " by self-information";
    case Scores::entropy: return text + " by entropy";
    case Scores::log_likelihood: return text + " by likelihood";
    case Scores::gate:
    case Scores::none: return text;
  }
  return text;
}

int64_t chosen_experts(const RoutingOptions& options, int64_t experts) {
  switch (options.rule) {
    case Rule::all: return experts;
    case Rule::top_k: return options.k;
    case Rule::arg_max:
    case Rule::sampled:
    case Rule::given: return 1;
  }
  return experts;
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
  if (options.rule == Rule::top_k && (options.k < 1 || options.k > scores.size(1))) {
    fail<ValueError>("routing: top-{} of {} experts; k must be from 1 to {}", options.k, scores.size(1),
                     scores.size(1));
  }
  const Weighting weighting = weighting_of(options);
  if (options.rule == Rule::top_k && options.normalizer == Normalizer::softmax && weighting != Weighting::one) {
    auto routed = route_top_k(scores, options.k, options.temperature, weighting == Weighting::renormalized);
    return {scores, std::move(routed.probabilities), std::move(routed.experts), std::move(routed.weights),
            std::move(routed.counts)};
  }
  // Only a sampled choice needs the probabilities before it is made.
  Variable probabilities;
  if (options.rule == Rule::sampled) {
    const NoGrad no_grad;
    probabilities = normalize(scores, options);
  }
  return reweigh(scores, choose(scores, probabilities, options, generator, given), options);
}

}  // namespace divvy::moe
