#include "autograd/ops/reduce.h"
#include "autograd/ops/route.h"
#include "autograd/ops/top_k.h"
#include "kernels/dispatch.h"
#include "kernels/finite.h"
#include "moe/model/routing.h"
#include "tensor/error.h"

/// The built-in routing rules.
namespace divvy::moe {

namespace {

Tensor every_expert(const RuleInputs& in) {
  Tensor result = Tensor::empty(in.scores.shape(), DType::i64, in.scores.device());
  kernels::every_expert(result);
  return result;
}

Tensor highest(const RuleInputs& in) { return top_k(in.scores.detach(), in.options.k).indices; }

Routing route_highest(const RuleInputs& in, bool renormalized) {
  auto routed = route_top_k(in.scores, in.options.k, in.options.temperature, renormalized);
  return {in.scores, std::move(routed.probabilities), std::move(routed.experts), std::move(routed.weights),
          std::move(routed.counts)};
}

Tensor preferred(const RuleInputs& in) { return argmax(in.scores, 1).reshape({in.scores.size(0), 1}); }

Tensor drawn(const RuleInputs& in) {
  const NoGrad no_grad;
  const Tensor probabilities = normalize(in.scores, in.options).value();
  // A GPU is not waited for: there categorical() reports such a row with the next copy to the host.
  if (probabilities.device().is_cpu() && kernels::first_non_finite(probabilities) >= 0) {
    throw NonFiniteError("probability", "the routing");
  }
  return in.generator.categorical(probabilities).reshape({in.scores.size(0), 1});
}

Tensor from_batch(const RuleInputs& in) {
  const Tensor& given = in.given;
  if (!given.defined()) fail<ValueError>("routing: the experts of the samples are to be given, and none were");
  if (given.shape().rank() != 2 || given.size(0) != in.scores.size(0) || given.dtype() != DType::i64) {
    fail<ShapeError>("routing: the given experts must be i64 [{}, k], got {} {}", in.scores.size(0), given.dtype(),
                     given.shape());
  }
  return given.to(in.scores.device());
}

}  // namespace

constexpr RuleKind kRuleAll{.name = "all", .choose = every_expert, .weighting = Weighting::probability};
constexpr RuleKind kRuleTopK{
    .name = "top", .choose = highest, .weighting = Weighting::renormalized, .reads_k = true, .fused = route_highest};
constexpr RuleKind kRuleArgMax{.name = "arg-max", .choose = preferred};
constexpr RuleKind kRuleSampled{.name = "sampled", .choose = drawn, .obstacle = "experts are drawn at random"};
constexpr RuleKind kRuleGiven{
    .name = "given", .choose = from_batch, .obstacle = "the host sorts samples to given experts"};

}  // namespace divvy::moe
