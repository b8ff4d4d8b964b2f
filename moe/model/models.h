#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "moe/model/class_lists.h"
#include "moe/model/model.h"
#include "moe/model/networks.h"

namespace divvy::moe {

/// What a gate reads.
enum class GateKind {
  plain,      ///< the samples
  attentive,  ///< the samples, and the hidden layers of the experts (moe/model/gate.h)
  augmented,  ///< the samples, and the outputs of the experts
};

/// Which expert's output a model gives.
enum class Output {
  usual,    ///< what the model is known by
  mixture,  ///< all experts, weighted
  sampled,  ///< one, drawn from the probabilities
  arg_max,  ///< the preferred one
};

/// A model by name: a configuration of gate, routing, experts and combination, with the loss and the recipe by which it
/// is usually trained.
struct ModelKind {
  std::string_view name;
  std::string_view summary;
  bool gated;
  RoutingOptions training;    ///< how samples are routed while the model learns
  RoutingOptions evaluation;  ///< and when it is evaluated
  std::string_view loss = "cross-entropy";
  std::string_view recipe = "joint";
  Combination combination = Combination::outputs;
  bool single = false;     ///< one plain network, whatever the number of experts
  bool chooses_k = false;  ///< the k of its routing is ModelOptions::k
};

/// All models, in the order in which they are listed to users.
const std::vector<ModelKind>& model_kinds();

/// A model by name. Throws ValueError with the known names.
const ModelKind& find_model(std::string_view name);

struct ModelOptions {
  std::string model = "mixture";
  std::string network = "mnist";
  int64_t experts = 10;
  int64_t k = 2;  ///< see ModelKind::chooses_k
  int64_t classes = 10;
  int64_t targets = 0;  ///< numbers of a regression's target; 0: the model classifies
  double temperature = 1;
  GateKind gate = GateKind::plain;
  Normalizer gate_normalizer = Normalizer::softmax;
  ExpertOutput expert_output = ExpertOutput::softmax;
  Output output = Output::usual;
  bool hidden_before_relu = false;  ///< see ModelSettings
  ClassLists class_lists = {};      ///< for concatenation, and for the mask
  bool class_mask = false;          ///< expert e can predict only the classes of class_lists[e]
  bool separate_experts = false;    ///< an ExpertList of plain networks instead of stacked layers
  DType dtype = DType::f32;
  /// Changes the fresh parameters of the gate; null: they stay as they were drawn.
  std::function<void(nn::Module& gate)> gate_initializer = {};
  std::function<Variable(const Variable&, const RoutingOptions&)> readout = {};  ///< see ModelSettings
  /// Changes how a model that is routed by `training` while it learns is evaluated; null: as it is known by.
  std::function<void(const RoutingOptions& training, RoutingOptions& evaluation)> evaluation_routing = {};
};

/// The routing of a model for training or evaluation, with the k, temperature and output of the options. Throws
/// ValueError, with the nearest possibility, for a combination that cannot be.
RoutingOptions routing_of(const ModelOptions& options, bool training);

/// Builds a model with fresh parameters: the gate's are drawn first, then the experts'. Throws ValueError, with the
/// nearest possibility, for a combination that cannot be.
std::shared_ptr<Model> build_model(const ModelOptions& options, Generator& generator);

/// The name of the loss by which a model is usually trained, of classes or of targets.
std::string usual_loss(const ModelOptions& options);

}  // namespace divvy::moe
