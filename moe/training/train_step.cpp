#include "moe/training/train_step.h"

#include "autograd/ops/binary.h"
#include "kernels/dispatch.h"
#include "nn/clip.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

/// Freezes a part completely, or only its parameters, so that its batch norms continue to update their statistics.
void freeze(nn::Module& part, bool on, bool statistics) {
  part.freeze(on && statistics);
  if (on && !statistics) part.set_requires_grad(false);
}

std::vector<Variable> learning(const nn::Module& module) {
  std::vector<Variable> result;
  for (const Variable& parameter : module.parameters()) {
    if (parameter.requires_grad()) result.push_back(parameter);
  }
  return result;
}

Tensor rows_of_experts(const Dispatch& dispatch) {
  const Tensor& offsets = dispatch.segments.offsets;
  Tensor rows = Tensor::empty({dispatch.experts()}, DType::i64, offsets.device());
  kernels::segment_sizes(offsets, rows);
  return rows;
}

/// One group of all parameters, or one for the gate and one for each expert.
std::vector<nn::ParameterGroup> parameter_groups(Model& model, const Stage& stage) {
  if (stage.expert_learning_rates.empty()) return {{.parameters = learning(model)}};
  const auto experts = model.expert_stack()->separate_experts();
  if (experts.size() != stage.expert_learning_rates.size()) {
    fail<ValueError>("{} learning rates of experts need as many separate experts", stage.expert_learning_rates.size());
  }
  std::vector<nn::ParameterGroup> groups;
  if (model.has_gate()) groups.push_back({.parameters = learning(*model.gate())});
  for (size_t e = 0; e < experts.size(); ++e) {
    groups.push_back({.parameters = learning(*experts[e]), .lr = stage.expert_learning_rates[e]});
  }
  std::erase_if(groups, [](const nn::ParameterGroup& group) { return group.parameters.empty(); });
  return groups;
}

/// During its lifetime, no gradient flows from a gate into the experts that it reads.
class ConstantReadings {
 public:
  ConstantReadings(Model& model, bool on) : model_(model) { model_.set_gate_reads_constants(on); }
  ~ConstantReadings() { model_.set_gate_reads_constants(false); }
  ConstantReadings(const ConstantReadings&) = delete;
  ConstantReadings& operator=(const ConstantReadings&) = delete;

 private:
  Model& model_;
};

/// The terms of two-temperature training: for the experts the loss at the stage's temperature, with constant scores;
/// for the gate the loss at temperature 1 and the regularizers, with constant experts. The experts are evaluated once.
Terms two_temperature_terms(Model& model, const Stage& stage, const Variable& x, const Supervision& supervision,
                            Generator& generator, Forward& forward) {
  RoutingOptions cold = stage.routing;
  cold.temperature = 1;
  forward = model.run(x, cold, generator, supervision);
  const Forward warm = model.reweighted(forward, forward.routing.scores.detach(), stage.routing);
  Forward of_gate = forward;
  of_gate.rows = forward.rows.detach();
  of_gate.logits = forward.logits.detach();
  of_gate = model.reweighted(of_gate, forward.routing.scores, cold);

  Objective of_experts{.loss = stage.objective.loss};
  for (const Regularizer& term : stage.objective.regularizers) {
    if (term.of == RegularizerKind::Of::experts) of_experts.regularizers.push_back(term);
  }
  Terms terms = evaluate(stage.objective, of_gate, supervision);
  terms.total = add(terms.total, evaluate(of_experts, warm, supervision).total);
  return terms;
}

}  // namespace

std::unique_ptr<nn::Optimizer> make_optimizer(Model& model, const Stage& stage) {
  if (model.has_gate()) freeze(*model.gate(), stage.learns == Learns::experts, stage.freeze_statistics);
  freeze(*model.expert_stack(), stage.learns == Learns::gate, stage.freeze_statistics);
  const auto groups = parameter_groups(model, stage);
  return optimizers().at(stage.optimizer.name).make(groups, stage.optimizer);
}

Terms train_step(Model& model, const Stage& stage, nn::Optimizer& optimizer, const Variable& x,
                 const Supervision& supervision, Generator& generator, Forward* forward, FiniteWatch* watch) {
  Forward result;
  Terms terms;
  const ConstantReadings constant(model, stage.constant_readings || stage.two_temperatures);
  if (stage.two_temperatures) {
    terms = two_temperature_terms(model, stage, x, supervision, generator, result);
  } else {
    result = model.run(x, stage.routing, generator, supervision);
    terms = evaluate(stage.objective, result, supervision);
  }
  optimizer.zero_grad();
  if (watch != nullptr) {
    backward(terms.total, *watch);
    if (stage.clip_norm > 0) nn::clip_grad_norm(model.parameters(), stage.clip_norm, *watch);
  } else {
    backward(terms.total);
    if (stage.clip_norm > 0) nn::clip_grad_norm(model.parameters(), stage.clip_norm);
  }
  if (stage.optimizer.skip_idle_experts && !result.dispatch.is_dense()) {
    optimizer.step(rows_of_experts(result.dispatch));
  } else {
    optimizer.step();
  }
  if (forward != nullptr) *forward = std::move(result);
  return terms;
}

}  // namespace divvy::moe
