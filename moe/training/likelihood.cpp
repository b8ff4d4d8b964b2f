#include "moe/training/likelihood.h"

#include <numbers>

#include "autograd/ops/binary.h"
#include "autograd/ops/combine.h"
#include "autograd/ops/gather_last.h"
#include "autograd/ops/pick.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/rows.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/unary.h"
#include "moe/model/combine.h"
#include "nn/loss.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

constexpr double kBitsPerNat = std::numbers::log2e;

/// The label or target of each row's sample.
Tensor of_rows(const Tensor& known, const Dispatch& dispatch, const char* what) {
  if (known.shape().rank() < 1 || known.size(0) != dispatch.samples) {
    fail<ShapeError>("likelihood: {} {} for {} samples", what, known.shape(), dispatch.samples);
  }
  if (dispatch.experts() == 1 && dispatch.rows() == dispatch.samples) return known;
  return gather_rows(Variable(known), dispatch.segments.sample).value();
}

/// -|target - row|^2 / 2, [N].
Variable gaussian_log_likelihood(const Variable& rows, const Dispatch& dispatch, const Supervision& supervision) {
  const Variable target(of_rows(supervision.target, dispatch, "a target"));
  if (target.shape() != rows.shape()) {
    fail<ShapeError>("likelihood: rows {} for a target {}", rows.shape(), supervision.target.shape());
  }
  return mul(sum(square(sub(rows, target)), {1}), -0.5);
}

/// The values of rows, [N], for the choices of each sample, [B, k].
Variable at_choices(const Variable& row_values, const Dispatch& dispatch) {
  const Tensor& position = dispatch.position;
  return reshape(gather_rows(row_values, position.reshape({position.numel()})), position.shape());
}

Variable mean_of_samples(const char* loss, const Variable& x) { return nn::reduce(loss, x, nn::Reduction::mean); }

Variable entropy_bits(const Variable& rows) {
  // The floor makes p log2(p + floor) equal its limit 0 at p = 0.
  return mul(sum(mul(rows, log(add(rows, kProbabilityFloor))), {1}), -kBitsPerNat);
}

}  // namespace

Variable label_likelihood(const Variable& rows, const Dispatch& dispatch, const Supervision& supervision) {
  if (!supervision.labels.defined()) fail<ValueError>("likelihood: neither labels nor a target are known");
  return pick(rows, of_rows(supervision.labels, dispatch, "labels"));
}

Variable row_log_likelihood(const Variable& rows, const Dispatch& dispatch, const Supervision& supervision) {
  if (supervision.target.defined()) return gaussian_log_likelihood(rows, dispatch, supervision);
  return log(add(label_likelihood(rows, dispatch, supervision), kProbabilityFloor));
}

Variable by_sample(const Variable& row_values, const Dispatch& dispatch) {
  return transpose(by_expert(row_values, dispatch));
}

Variable mixture_likelihood_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                                 const Supervision& supervision) {
  if (supervision.target.defined()) {
    // Computed in logarithms, since exp(-d^2 / 2) underflows for a distant target.
    const Variable log_weights = log(maximum(routing.weights, 1e-30));
    const Variable log_likelihoods = at_choices(gaussian_log_likelihood(rows, dispatch, supervision), dispatch);
    return neg(mean_of_samples("likelihood", logsumexp(add(log_weights, log_likelihoods), {1})));
  }
  return mixture_loss(label_likelihood(rows, dispatch, supervision), routing, dispatch);
}

Variable mixture_loss(const Variable& row_values, const Routing& routing, const Dispatch& dispatch) {
  const Variable column = reshape(row_values, {row_values.size(0), 1});
  const Variable mixed = combine(column, routing.weights, dispatch.position);
  return neg(mean_of_samples("likelihood", log(add(mixed, kProbabilityFloor))));
}

Variable joint_log_likelihood(const Variable& gate, const Variable& log_likelihood) {
  return add(log(add(gate, kProbabilityFloor)), log_likelihood);
}

Variable responsibility_loss(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                             const Supervision& supervision, Variable (*joint)(const Variable&, const Variable&)) {
  const Variable log_likelihood = row_log_likelihood(rows, dispatch, supervision);
  if (!supervision.responsibilities.defined()) {
    if (!supervision.experts.defined()) fail<ValueError>("EM: no responsibilities are known");
    const Variable gate = gather_last(routing.probabilities, supervision.experts);
    return neg(mean_of_samples("EM", joint(gate, at_choices(log_likelihood, dispatch))));
  }
  if (supervision.responsibilities.shape() != routing.probabilities.shape()) {
    fail<ShapeError>("EM: responsibilities {} for probabilities {}", supervision.responsibilities.shape(),
                     routing.probabilities.shape());
  }
  const Variable of_all = joint(routing.probabilities, by_sample(log_likelihood, dispatch));
  return neg(mean_of_samples("EM", sum(mul(Variable(supervision.responsibilities), of_all), {1})));
}

Variable scores_of_experts(Scores scores, const Variable& rows, const Dispatch& dispatch,
                           const Supervision& supervision, double noise, Generator& generator) {
  const NoGrad no_grad;
  Variable of_row;
  switch (scores) {
    case Scores::self_information: of_row = mul(row_log_likelihood(rows, dispatch, supervision), kBitsPerNat); break;
    case Scores::log_likelihood: of_row = row_log_likelihood(rows, dispatch, supervision); break;
    case Scores::entropy:
      if (supervision.target.defined()) fail<ValueError>("routing: the values of a regression have no entropy");
      of_row = neg(entropy_bits(rows));
      break;
    case Scores::gate:
    case Scores::none: fail<ValueError>("routing: these scores do not come from the experts");
  }
  Variable result = by_sample(of_row, dispatch);
  if (noise > 0)
    result = add(result, Variable(generator.normal(result.shape(), 0, noise, result.dtype(), result.device())));
  return result;
}

}  // namespace divvy::moe
