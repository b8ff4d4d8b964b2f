#pragma once

#include <functional>
#include <string>
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

inline constexpr Choice<GateKind> kGates[] = {
    {GateKind::plain, "plain", "reads the samples"},
    {GateKind::attentive, "attentive", "reads the samples and the hidden layer of every expert"},
    {GateKind::augmented, "augmented", "reads the samples and the output of every expert"}};
constexpr std::span<const Choice<GateKind>> choices(GateKind) { return kGates; }

/// Which experts make the output of a model.
enum class Output {
  usual,    ///< the model's own rule
  mixture,  ///< all experts, weighted
  sampled,  ///< one expert, drawn from the probabilities
  arg_max,  ///< the most probable expert
};

inline constexpr Choice<Output> kOutputs[] = {{Output::usual, "usual", "what the model is known by"},
                                              {Output::mixture, "mixture", "all experts, weighted"},
                                              {Output::sampled, "sampled", "one, drawn from the probabilities"},
                                              {Output::arg_max, "arg-max", "the preferred one"}};
constexpr std::span<const Choice<Output>> choices(Output) { return kOutputs; }

/// A model by name: a configuration of gate, routing, experts and combination, with the loss and the recipe by which it
/// is usually trained.
struct ModelKind {
  std::string name;
  std::string summary;
  bool gated;
  RoutingOptions training;    ///< how samples are routed in training
  RoutingOptions evaluation;  ///< how samples are routed in evaluation
  std::string loss = "cross-entropy";
  std::string recipe = "joint";
  Combination combination = Combination::outputs;
  bool single = false;     ///< a single plain network, whatever ModelOptions::experts
  bool chooses_k = false;  ///< whether k of its routing is ModelOptions::k
};

/// All models, in the order in which they are listed to users; a program can add its own.
Registry<ModelKind>& models();

struct ModelOptions {
  std::string model = "mixture";
  std::string network = "mnist";
  int64_t experts = 10;
  int64_t k = 2;  ///< see ModelKind::chooses_k
  int64_t classes = 10;
  int64_t targets = 0;  ///< size of a regression's target; 0 for a classification
  double temperature = 1;
  GateKind gate = GateKind::plain;
  Normalizer gate_normalizer = Normalizer::softmax;
  ExpertOutput expert_output = ExpertOutput::softmax;
  Output output = Output::usual;
  HiddenLayer hidden = HiddenLayer::post_relu;  ///< for an attentive gate
  ClassLists class_lists = {};                  ///< for concatenation and for the class mask
  bool class_mask = false;                      ///< expert e can predict only the classes of class_lists[e]
  bool separate_experts = false;                ///< an ExpertList of plain networks instead of stacked layers
  DType dtype = DType::f32;
  /// Changes the initial parameters of the gate; null leaves them as they are.
  std::function<void(nn::Module& gate)> gate_initializer = {};
  std::function<Variable(const Variable&, const RoutingOptions&)> readout = {};  ///< see ModelSettings
  /// Changes the routing in evaluation of a model routed by `training` in training; null leaves it as it is.
  std::function<void(const RoutingOptions& training, RoutingOptions& evaluation)> evaluation_routing = {};
};

/// The routing of a model for training or evaluation, with the k, temperature and output of the options. Throws
/// ValueError, with the nearest possible one, for an impossible combination.
RoutingOptions routing_of(const ModelOptions& options, bool training);

/// Builds a model with fresh parameters: the gate's are drawn first, then the experts'. Throws ValueError, with the
/// nearest possibility, for a combination that cannot be.
std::shared_ptr<Model> build_model(const ModelOptions& options, Generator& generator);

/// The name of the loss by which a model is usually trained, for classes or for targets.
std::string usual_loss(const ModelOptions& options);

}  // namespace divvy::moe
