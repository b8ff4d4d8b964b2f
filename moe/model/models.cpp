#include "moe/model/models.h"

#include <algorithm>

#include "moe/model/experts.h"
#include "moe/model/gate.h"
#include "moe/training/losses.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

bool has_common_hidden_width(const NetworkPair& pair) {
  return pair.gated && hidden_size(pair.gate) > 0 && hidden_size(pair.gate) == hidden_size(pair.expert);
}

void require_common_hidden_width(const NetworkPair& pair) {
  if (has_common_hidden_width(pair)) return;
  const auto& all = networks();
  const auto nearest = std::ranges::find_if(
      all, [&](const NetworkPair& other) { return other.sample == pair.sample && has_common_hidden_width(other); });
  fail<ValueError>("the attentive gate needs hidden layers of one width in gate and expert, network {} has {} and {}{}",
                   pair.name, hidden_size(pair.gate), hidden_size(pair.expert),
                   nearest == all.end() ? "" : fmt::format("; network {} suits", nearest->name));
}

/// Throws ValueError for an impossible combination; the message suggests the nearest possible one.
void check(const ModelOptions& options) {
  const ModelKind& kind = models().at(options.model);
  const bool regression = options.targets > 0;
  if (options.experts < 1) fail<ValueError>("a model needs one expert or more, got {}", options.experts);
  if (!regression && options.classes < 1) fail<ValueError>("a model needs one class or more, got {}", options.classes);
  if (kind.chooses_k && (options.k < 1 || options.k > options.experts)) {
    fail<ValueError>("top-{} of {} experts is impossible; k must be from 1 to {}", options.k, options.experts,
                     options.experts);
  }
  if (!kind.gated && options.gate != GateKind::plain) {
    fail<ValueError>("model {} has no gate that could be {}; model mixture has", kind.name,
                     options.gate == GateKind::attentive ? "attentive" : "augmented");
  }
  if (options.output != Output::usual && !kind.gated && kind.evaluation.scores != Scores::entropy) {
    fail<ValueError>("the output of model {} cannot be chosen; that of no-gate-entropy can", kind.name);
  }
  if (kind.combination == Combination::concatenation && options.class_lists.empty()) {
    fail<ValueError>("model {} needs class lists, so that each class has its expert", kind.name);
  }
  if (kind.combination != Combination::outputs && options.expert_output != ExpertOutput::softmax) {
    fail<ValueError>("model {} combines logits; its experts cannot end with escort, only with softmax", kind.name);
  }
  if (options.class_mask && options.class_lists.empty()) fail<ValueError>("a class mask needs class lists");
  if (options.class_mask && regression) {
    fail<ValueError>("a class mask hides classes, and this is a regression");
  }
  if (options.class_mask && kind.combination != Combination::outputs) {
    fail<ValueError>("model {} combines logits, which a class mask cannot hide; model mixture has outputs", kind.name);
  }
  if (!options.class_lists.empty() && static_cast<int64_t>(options.class_lists.size()) != options.experts) {
    fail<ValueError>("{} class lists for {} experts", options.class_lists.size(), options.experts);
  }
  if (options.gate_normalizer == Normalizer::escort && options.temperature != 1) {
    fail<ValueError>("an escort gate has no temperature; leave one of the two out");
  }
  if (regression && (kind.combination != Combination::outputs || kind.training.scores == Scores::entropy)) {
    fail<ValueError>("model {} needs probabilities of classes, and this is a regression; model mixture can learn it",
                     kind.name);
  }
  if (kind.gated) require_gate(networks().at(options.network));
  if (options.gate == GateKind::attentive) {
    require_common_hidden_width(networks().at(options.network));
    if (options.separate_experts) fail<ValueError>("the attentive gate reads stacked experts, not separate ones");
  }
}

Gate build_gate(const ModelOptions& options, int64_t expert_width, Generator& generator) {
  const NetworkPair& pair = networks().at(options.network);
  NetworkOptions how{.sample = pair.sample, .outputs = options.experts, .dtype = options.dtype};
  switch (options.gate) {
    case GateKind::plain: return build_network(pair.gate, how, generator);
    case GateKind::attentive: {
      how.outputs = 0;
      auto body = build_network(pair.gate, how, generator);
      return std::make_shared<AttentiveGate>(std::move(body), hidden_size(pair.gate), options.dtype, generator);
    }
    case GateKind::augmented: {
      auto features = build_features(pair.gate, how, generator);
      const int64_t width = feature_count(pair.gate, pair.sample) + options.experts * expert_width;
      auto classifier = build_classifier(pair.gate, width, how, generator);
      return std::make_shared<AugmentedGate>(std::move(features), std::move(classifier));
    }
  }
  return nullptr;
}

std::shared_ptr<nn::Module> build_experts(const ModelOptions& options, bool plain, int64_t width,
                                          Generator& generator) {
  const NetworkPair& pair = networks().at(options.network);
  const bool one_by_one = options.separate_experts && !plain;
  const NetworkOptions how{.sample = pair.sample,
                           .outputs = width,
                           .experts = plain || one_by_one ? 0 : options.experts,
                           .dtype = options.dtype};
  if (!one_by_one) return build_network(pair.expert, how, generator);
  std::vector<std::shared_ptr<nn::Module>> experts;
  for (int64_t e = 0; e < options.experts; ++e) experts.push_back(build_network(pair.expert, how, generator));
  return std::make_shared<ExpertList>(std::move(experts));
}

}  // namespace

RoutingOptions routing_of(const ModelOptions& options, bool training) {
  check(options);
  const ModelKind& kind = models().at(options.model);
  RoutingOptions routing = training ? kind.training : kind.evaluation;
  if (kind.chooses_k) routing.k = options.k;
  routing.temperature = options.temperature;
  routing.normalizer = options.gate_normalizer;
  if (!training && options.evaluation_routing) options.evaluation_routing(kind.training, routing);
  if (!training && options.targets > 0 && routing.scores == Scores::entropy) {
    fail<ValueError>(
        "model {} answers with the most certain expert, and the values of a regression have no certainty; model "
        "mixture can learn it",
        kind.name);
  }
  // The output option applies to evaluation, and for self-information to training as well.
  if (!training || kind.training.scores == Scores::self_information) {
    switch (options.output) {
      case Output::usual: break;
      case Output::mixture: routing.rule = Rule::all; break;
      case Output::sampled: routing.rule = Rule::sampled; break;
      case Output::arg_max: routing.rule = Rule::arg_max; break;
    }
  }
  return routing;
}

std::string usual_loss(const ModelOptions& options) {
  const LossKind& loss = losses().at(models().at(options.model).loss);
  return options.targets > 0 && loss.with == LossKind::With::labels ? "mse" : loss.name;
}

std::shared_ptr<Model> build_model(const ModelOptions& options, Generator& generator) {
  check(options);
  const ModelKind& kind = models().at(options.model);
  const bool regression = options.targets > 0;
  ModelSettings settings;
  settings.expert_output = regression ? ExpertOutput::as_is : options.expert_output;
  settings.combination = kind.combination;
  settings.hidden = options.hidden;
  settings.readout = options.readout;
  int64_t width = regression ? options.targets : options.classes;
  if (kind.combination == Combination::concatenation) {
    width = widest(options.class_lists);
    settings.class_slot = class_slots(options.class_lists, options.classes);
  }
  if (kind.combination == Combination::concatenation || options.class_mask) {
    settings.expert_slot = expert_slots(options.class_lists, options.classes);
  }
  Gate gate = nullptr;
  if (kind.gated) gate = build_gate(options, width, generator);
  if (kind.gated && options.gate_initializer) options.gate_initializer(*gate.module());
  auto experts = build_experts(options, kind.single, width, generator);
  return std::make_shared<Model>(std::move(gate), std::move(experts), kind.single ? 1 : options.experts,
                                 std::move(settings));
}

}  // namespace divvy::moe
