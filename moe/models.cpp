#include "moe/models.h"

#include "tensor/error.h"

namespace divvy::moe {

const std::vector<ModelKind>& model_kinds() {
  static const std::vector<ModelKind> all = {
      {"single", "one expert's network alone, without a gate", false, {.rule = Rule::all}, {.rule = Rule::all}},
      {"mixture", "soft mixture: every expert, weighted by the gate", true, {.rule = Rule::all}, {.rule = Rule::all}},
      {"top-k",
       "the k experts that the gate prefers, the others not evaluated",
       true,
       {.rule = Rule::top_k, .k = 2},
       {.rule = Rule::top_k, .k = 2}},
  };
  return all;
}

const ModelKind& find_model(std::string_view name) {
  std::string known;
  for (const ModelKind& kind : model_kinds()) {
    if (kind.name == name) return kind;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", kind.name);
  }
  fail<ValueError>("unknown model '{}'; known are {}", name, known);
}

RoutingOptions routing_of(const ModelOptions& options, bool training) {
  const ModelKind& kind = find_model(options.model);
  RoutingOptions routing = training ? kind.training : kind.evaluation;
  routing.k = options.k;
  routing.temperature = options.temperature;
  if (routing.rule == Rule::top_k && (options.k < 1 || options.k > options.experts)) {
    fail<ValueError>("top-{} of {} experts is impossible; k must be from 1 to {}", options.k, options.experts,
                     options.experts);
  }
  return routing;
}

std::shared_ptr<Model> build_model(const ModelOptions& options, Generator& generator) {
  const ModelKind& kind = find_model(options.model);
  if (options.experts < 1) fail<ValueError>("a model needs one expert or more, got {}", options.experts);
  if (options.classes < 1) fail<ValueError>("a model needs one class or more, got {}", options.classes);
  routing_of(options, true);
  const NetworkPair& pair = find_network(options.network);
  if (kind.gated) require_gate(pair);
  std::shared_ptr<nn::Module> gate;
  if (kind.gated) {
    gate = build_network(pair.gate, {.sample = pair.sample, .outputs = options.experts, .dtype = options.dtype},
                         generator);
  }
  const int64_t experts = kind.gated ? options.experts : 1;
  auto stack = build_network(pair.expert,
                             {.sample = pair.sample,
                              .outputs = options.classes,
                              .experts = kind.gated ? experts : 0,
                              .softmax = true,
                              .dtype = options.dtype},
                             generator);
  return std::make_shared<Model>(std::move(gate), std::move(stack), experts);
}

}  // namespace divvy::moe
