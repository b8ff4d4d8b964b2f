#include "moe/training/stepper.h"

#include "moe/training/likelihood.h"
#include "tensor/error.h"
#include "tensor/graph.h"

namespace divvy::moe {

namespace {

/// Keeps a model in evaluation mode during its lifetime.
class Evaluating {
 public:
  explicit Evaluating(Model& model) : model_(model) { model_.eval(); }
  ~Evaluating() { model_.train(); }
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;

 private:
  Model& model_;
};

}  // namespace

std::string graph_obstacle(const Model& model, const Stage& stage) {
  const RoutingOptions& routing = stage.routing;
  if (!routing.rule->obstacle.empty()) return std::string(routing.rule->obstacle);
  if (scored_by_experts(routing.scores) && routing.noise > 0) return "the scores of experts get random noise";
  if (model.experts() > 1 && !model.expert_stack()->separate_experts().empty()) {
    return "the host divides the samples among separate experts";
  }
  for (const auto& [name, module] : model.named_modules()) {
    const std::string_view draws = module->draws();
    if (!draws.empty() && !module->is_frozen()) return fmt::format("{} draws at random", draws);
  }
  return "";
}

Stepper::Stepper(Model& model, const Stage& stage, nn::Optimizer& optimizer, Generator& generator, EpochSums& sums,
                 FiniteWatch* watch, const Options& options)
    : model_(model),
      stage_(stage),
      optimizer_(optimizer),
      generator_(generator),
      sums_(sums),
      watch_(watch),
      options_(options) {
  if (watch_ == nullptr || watch_->device().is_cpu()) options_.cuda_graph = false;
  if (options_.cuda_graph) obstacle_ = graph_obstacle(model, stage);
  if (options_.cuda_graph && obstacle_.empty() && options_.accuracy_after_update) {
    Stage second = stage;
    second.routing = options_.evaluation;
    obstacle_ = graph_obstacle(model, second);
  }
  if (watch_ != nullptr) optimizer_.stop_on(watch_->failed());
}

Stepper::~Stepper() = default;

std::array<Tensor*, Stepper::kInputs> Stepper::Inputs::tensors() {
  return {&x, &known.labels, &known.target, &known.experts, &known.responsibilities};
}

Stepper::Shapes Stepper::Inputs::shapes() {
  Shapes shapes;
  const auto all = tensors();
  for (size_t i = 0; i < kInputs; ++i) {
    if (all[i]->defined()) shapes[i] = all[i]->shape();
  }
  return shapes;
}

void Stepper::step(const Tensor& x, const Supervision& known) {
  Inputs batch{x, known};
  const bool first = !first_;
  if (first) first_ = batch.shapes();
  const bool replayed = options_.cuda_graph && obstacle_.empty() && !first && batch.shapes() == *first_;
  if (!replayed || !record(batch)) return take(x, known);
  const auto to = inputs_.tensors(), from = batch.tensors();
  for (size_t i = 0; i < kInputs; ++i) {
    if (from[i]->defined()) to[i]->copy_from(*from[i]);
  }
  optimizer_.begin_replay();
  graph_->replay();
  ++replays_;
}

/// Records a graph for batches of these shapes unless there is one; returns false if that is impossible.
bool Stepper::record(Inputs& batch) {
  if (graph_ && temperature_ == stage_.routing.temperature) return true;
  graph_.reset();  // first, so that the new graph can reuse its memory
  const auto to = inputs_.tensors(), from = batch.tensors();
  for (size_t i = 0; i < kInputs; ++i) *to[i] = from[i]->defined() ? Tensor::empty_like(*from[i]) : Tensor();
  try {
    graph_ = std::make_unique<cuda::Graph>(watch_->device().index, [this] { take(inputs_.x, inputs_.known); });
  } catch (const DeviceError& error) {
    obstacle_ = error.what();
  } catch (const OutOfMemoryError& error) {
    obstacle_ = error.what();
  }
  temperature_ = stage_.routing.temperature;
  return graph_ != nullptr;
}

void Stepper::take(const Tensor& x, const Supervision& known) {
  Forward forward;
  const Terms terms = train_step(model_, stage_, optimizer_, Variable(x), known, generator_, &forward, watch_);
  sums_.add(terms, x.size(0));
  if (known.target.defined()) return;
  if (options_.accuracy_after_update) {
    const NoGrad no_grad;
    const Evaluating evaluating(model_);
    forward = model_.run(Variable(x), options_.evaluation, generator_, known);
  }
  sums_.add_right(forward.output.value(), known.labels);
}

}  // namespace divvy::moe
