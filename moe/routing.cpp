#include "moe/routing.h"

#include <limits>

#include "autograd/ops/gather_last.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/top_k.h"
#include "autograd/ops/where.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

Weighting weighting_of(const RoutingOptions& options) {
  if (options.weighting != Weighting::usual) return options.weighting;
  switch (options.rule) {
    case Rule::all: return Weighting::probability;
    case Rule::top_k: return options.k == 1 ? Weighting::probability : Weighting::renormalised;
    case Rule::arg_max:
    case Rule::sampled: return Weighting::one;
  }
  return Weighting::probability;
}

Tensor every_expert(int64_t samples, int64_t experts) {
  Tensor result = Tensor::empty({samples, experts}, DType::i64);
  auto* expert = result.mutable_data<int64_t>();
  for (int64_t i = 0; i < samples * experts; ++i) expert[i] = i % experts;
  return result;
}

/// Softmax over the chosen experts of each sample, exactly zero elsewhere.
Variable softmax_over(const Variable& scores, const Tensor& chosen, double temperature) {
  Tensor mask = Tensor::zeros(scores.shape(), DType::u8);
  auto* flags = mask.mutable_data<uint8_t>();
  const auto* expert = chosen.data<int64_t>();
  const int64_t k = chosen.size(1), experts = scores.size(1);
  for (int64_t i = 0; i < chosen.numel(); ++i) flags[i / k * experts + expert[i]] = 1;
  const Variable excluded(Tensor::full({}, -std::numeric_limits<double>::infinity(), scores.dtype()));
  return softmax(where(mask, scores, excluded), temperature);
}

}  // namespace

std::string RoutingOptions::to_string() const {
  switch (rule) {
    case Rule::all: return "all";
    case Rule::top_k: return fmt::format("top-{}", k);
    case Rule::arg_max: return "arg-max";
    case Rule::sampled: return "sampled";
  }
  return "";
}

int64_t chosen_experts(const RoutingOptions& options, int64_t experts) {
  switch (options.rule) {
    case Rule::all: return experts;
    case Rule::top_k: return options.k;
    case Rule::arg_max:
    case Rule::sampled: return 1;
  }
  return experts;
}

Routing route(const Variable& scores, const RoutingOptions& options, Generator& generator) {
  if (scores.shape().rank() != 2)
    fail<ShapeError>("routing: scores must be [samples, experts], got {}", scores.shape());
  const int64_t samples = scores.size(0), experts = scores.size(1);
  if (options.rule == Rule::top_k && (options.k < 1 || options.k > experts)) {
    fail<ValueError>("routing: top-{} of {} experts; k must be from 1 to {}", options.k, experts, experts);
  }

  Routing result;
  result.scores = scores;
  result.probabilities = softmax(scores, options.temperature);
  switch (options.rule) {
    case Rule::all: result.experts = every_expert(samples, experts); break;
    case Rule::top_k: result.experts = top_k(scores.detach(), options.k).indices; break;
    case Rule::arg_max: result.experts = argmax(scores, 1).reshape({samples, 1}); break;
    case Rule::sampled: {
      result.experts = generator.categorical(result.probabilities.value()).reshape({samples, 1});
      break;
    }
  }

  const Weighting weighting = weighting_of(options);
  if (weighting == Weighting::one) {
    result.weights = Variable(Tensor::full(result.experts.shape(), 1, scores.dtype()));
    return result;
  }
  if (weighting == Weighting::renormalised && options.rule != Rule::all) {
    result.probabilities = softmax_over(scores, result.experts, options.temperature);
  }
  result.weights = options.rule == Rule::all ? result.probabilities : gather_last(result.probabilities, result.experts);
  return result;
}

}  // namespace divvy::moe
