#include "moe/model.h"

#include "moe/combine.h"
#include "nn/read_rows.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

/// The routing of a model without a gate: its one expert, with weight 1.
Routing only_expert(int64_t samples, const Variable& like) {
  Routing routing;
  routing.scores = Variable(Tensor::zeros({samples, 1}, like.dtype()));
  routing.probabilities = routing.weights = Variable(Tensor::full({samples, 1}, 1, like.dtype()));
  routing.experts = Tensor::zeros({samples, 1}, DType::i64);
  return routing;
}

}  // namespace

Model::Model(std::shared_ptr<nn::Module> gate, std::shared_ptr<nn::Module> experts, int64_t num_experts)
    : gate_(std::move(gate)), experts_(std::move(experts)), num_experts_(num_experts) {
  if (!experts_ || num_experts_ < 1) fail<ValueError>("a model needs one expert or more, got {}", num_experts_);
  if (!gate_ && num_experts_ > 1) fail<ValueError>("a model of {} experts needs a gate", num_experts_);
  if (gate_) register_module("gate", gate_);
  register_module("experts", experts_);
}

Forward Model::run(const Variable& x, const RoutingOptions& options, Generator& generator) {
  Forward result;
  result.input = x;
  const int64_t samples = x.size(0);
  if (!gate_) {
    result.dispatch = Dispatch::dense(samples, 1);
    result.output = result.rows = experts_->forward(x, {});
    result.routing = only_expert(samples, result.output);
    return result;
  }
  const Variable scores = gate_->forward(x, {});
  if (scores.shape() != Shape{samples, num_experts_}) {
    fail<ShapeError>("the gate gave {} for {} samples and {} experts", scores.shape(), samples, num_experts_);
  }
  result.routing = route(scores, options, generator);
  result.dispatch = options.rule == Rule::all ? Dispatch::dense(samples, num_experts_)
                                              : Dispatch::of(result.routing.experts, num_experts_);
  result.rows = experts_->forward(x, result.dispatch.segments);
  result.output = combine(result.rows, result.routing, result.dispatch);
  return result;
}

Variable Model::forward(const Variable& x, const Segments& segments) {
  if (segments.grouped()) fail<ValueError>("a mixture of experts cannot itself be a stack of experts");
  Generator unused;
  return run(nn::read_rows(x, segments), {}, unused).output;
}

}  // namespace divvy::moe
