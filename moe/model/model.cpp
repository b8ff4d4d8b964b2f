#include "moe/model/model.h"

#include "autograd/ops/binary.h"
#include "autograd/ops/gather_last.h"
#include "autograd/ops/index_select.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/where.h"
#include "kernels/dispatch.h"
#include "moe/model/combine.h"
#include "moe/training/likelihood.h"
#include "nn/sequential.h"
#include "nn/softmax.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

Variable with_form(const Variable& logits, ExpertOutput form) {
  switch (form) {
    case ExpertOutput::as_is: return logits;
    case ExpertOutput::softmax: return softmax(logits);
    case ExpertOutput::escort: return nn::Escort()(logits);
  }
  return logits;
}

/// Maps a row [W] of expert e to [C]: output slots[e, c] for class c, or 0 for a class that the expert cannot predict.
Variable masked(const Variable& rows, const Tensor& slots, const Dispatch& dispatch) {
  Tensor place = Tensor::empty({rows.size(0), slots.size(1)}, DType::i64, rows.device());
  Tensor known = Tensor::empty(place.shape(), DType::u8, rows.device());
  kernels::slots_of_rows(slots, dispatch.segments.offsets, place, known);
  return where(known, gather_last(rows, place), Variable(Tensor::zeros({}, rows.dtype(), rows.device())));
}

}  // namespace

Model::Model(Gate gate, std::shared_ptr<nn::Module> experts, int64_t num_experts, ModelSettings settings)
    : gate_(std::move(gate)), experts_(std::move(experts)), num_experts_(num_experts), settings_(std::move(settings)) {
  if (!experts_ || num_experts_ < 1) fail<ValueError>("a model needs one expert or more, got {}", num_experts_);
  const Tensor& slots = settings_.expert_slot;
  if (slots.defined() && (slots.shape().rank() != 2 || slots.size(0) != num_experts_)) {
    fail<ShapeError>("a model of {} experts: slots of their classes {}", num_experts_, slots.shape());
  }
  if (settings_.combination == Combination::concatenation && !settings_.class_slot.defined()) {
    fail<ValueError>("a concatenation needs the slot of each class");
  }
  if (has_gate()) register_module("gate", gate_.module());
  register_module("experts", experts_);
}

void Model::set_gate(Gate gate) {
  if (!has_gate() || !gate.module()) fail<ValueError>("a gate can only take the place of another one");
  replace_module("gate", gate.module());
  gate_ = std::move(gate);
}

bool Model::evaluates_all(const RoutingOptions& options) const {
  return options.rule == Rule::all || options.every_expert || scored_by_experts(options.scores) ||
         (gate_.reading() != nullptr && options.scores == Scores::gate);
}

RoutingOptions Model::gate_options(const RoutingOptions& options) const {
  RoutingOptions result = options;
  if (settings_.combination == Combination::logits) result.temperature = 1;  // it divides the combined logits
  return result;
}

Model::Evaluated Model::evaluate(const Variable& x, const Dispatch& dispatch) {
  // A single plain network reads the batch undivided.
  const bool plain = !has_gate() && num_experts_ == 1;
  const nn::Rows rows(x, plain ? Segments{} : dispatch.segments);
  Evaluated result;
  if (gate_.reading() != nullptr && gate_.reading()->reads_hidden()) {
    nn::Sequential* layers = experts_->layers();
    const int64_t below = settings_.hidden == HiddenLayer::pre_relu ? 2 : 1;
    if (layers == nullptr || layers->size() < below + 1) {
      fail<ValueError>("this gate reads the hidden layer of experts, and they are no stack of layers with one");
    }
    const nn::Rows hidden = layers->forward_range(rows, 0, layers->size() - below);
    result.hidden = hidden.values();
    result.logits = layers->forward_range(hidden, layers->size() - below, layers->size()).values();
  } else {
    result.logits = experts_->forward(rows).values();
  }
  result.rows = with_form(result.logits, settings_.expert_output);
  if (settings_.expert_slot.defined()) result.rows = masked(result.rows, settings_.expert_slot, dispatch);
  if (settings_.combination == Combination::concatenation) {
    // Experts with fewer classes than others have outputs without a class, so rows are renormalized.
    result.rows = div(result.rows, add(sum(result.rows, {1}, true), kProbabilityFloor));
  }
  return result;
}

Variable Model::gate_scores(const Variable& x, const Evaluated* evaluated, const Dispatch& dispatch) {
  if (!has_gate()) fail<ValueError>("this model has no gate whose scores could route the samples");
  Variable scores;
  if (ReadingGate* gate = gate_.reading()) {
    ExpertReadings readings;
    const auto read = [&](const Variable& rows) {
      return by_expert(gate_reads_constants_ ? rows.detach() : rows, dispatch);
    };
    if (gate->reads_hidden()) {
      readings.hidden = read(evaluated->hidden);
    } else {
      readings.output = read(evaluated->rows);
    }
    scores = gate->scores(x, readings);
  } else {
    scores = (*gate_.module())(x);
  }
  if (scores.shape() != Shape{x.size(0), num_experts_}) {
    fail<ShapeError>("the gate gave {} for {} samples and {} experts", scores.shape(), x.size(0), num_experts_);
  }
  return scores;
}

Variable Model::combined(const Forward& forward, const RoutingOptions& options) const {
  switch (settings_.combination) {
    case Combination::outputs: return combine(forward.rows, forward.routing, forward.dispatch);
    case Combination::logits:
      return softmax(combine(forward.logits, forward.routing, forward.dispatch), options.temperature);
    case Combination::concatenation: {
      const Variable side_by_side = permute(by_expert(forward.logits, forward.dispatch), {1, 0, 2});
      const Variable flat = reshape(side_by_side, {side_by_side.size(0), side_by_side.size(1) * side_by_side.size(2)});
      return softmax(index_select(flat, 1, settings_.class_slot));
    }
  }
  return {};
}

Variable Model::output_of(const Forward& forward, const RoutingOptions& options) const {
  const Variable output = combined(forward, options);
  return settings_.readout ? settings_.readout(output, options) : output;
}

Forward Model::run(const Variable& x, const RoutingOptions& options, Generator& generator,
                   const Supervision& supervision) {
  Forward result;
  result.input = x;
  const int64_t samples = x.size(0);
  const bool all = evaluates_all(options);
  for (Tensor* slots : {&settings_.class_slot, &settings_.expert_slot}) {
    if (slots->defined()) *slots = slots->to(x.device());
  }
  Evaluated evaluated;
  if (all) {
    result.dispatch = Dispatch::dense(samples, num_experts_, x.device());
    evaluated = evaluate(x, result.dispatch);
  }

  Variable scores;
  if (scored_by_experts(options.scores)) {
    scores = scores_of_experts(options.scores, evaluated.rows, result.dispatch, supervision, options.noise, generator);
  } else if (options.scores == Scores::none || (!has_gate() && num_experts_ == 1)) {
    const DType dtype = all ? evaluated.rows.dtype() : x.dtype();
    scores = Variable(Tensor::zeros({samples, num_experts_}, dtype, x.device()));
  } else {
    scores = gate_scores(x, &evaluated, result.dispatch);
  }
  result.routing = route(scores, gate_options(options), generator, supervision.experts);
  result.routing.undivided = options.rule == Rule::all && options.scores == Scores::none && num_experts_ > 1;

  if (!all) {
    // Only a choice given with the batch can contain -1.
    const Routing& routing = result.routing;
    result.dispatch = Dispatch::of(routing.experts, num_experts_, options.rule != Rule::given, routing.counts);
    evaluated = evaluate(x, result.dispatch);
  } else if (options.rule != Rule::all) {
    result.dispatch = Dispatch::dense_with_choice(result.routing.experts, num_experts_);
  }
  result.rows = evaluated.rows;
  result.logits = evaluated.logits;
  result.output = output_of(result, options);
  return result;
}

Forward Model::reweighted(const Forward& forward, const Variable& scores, const RoutingOptions& options) const {
  Forward result = forward;
  result.routing = reweigh(scores, forward.routing.experts, gate_options(options));
  result.output = output_of(result, options);
  return result;
}

nn::Rows Model::forward(const nn::Rows& x) {
  if (x.divided()) fail<ValueError>("a mixture of experts cannot itself be a stack of experts");
  Generator unused;
  return x.with(run(x.values(), {}, unused).output);
}

}  // namespace divvy::moe
