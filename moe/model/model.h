#pragma once

#include <functional>
#include <memory>

#include "moe/model/dispatch.h"
#include "moe/model/gate.h"
#include "moe/model/routing.h"
#include "moe/model/supervision.h"
#include "nn/module.h"

namespace divvy::moe {

/// The results of one forward pass of a model, which objectives, metrics and analysis read.
struct Forward {
  Variable input;   ///< [B, ...]
  Variable output;  ///< [B, C] the combined output
  Variable rows;    ///< [N, C] the outputs of the experts, in the layout of `dispatch`
  Variable logits;  ///< [N, W] the same before ExpertOutput is applied; `rows` if that is as_is. W may differ from C
                    ///< where ModelSettings has slots of classes
  Routing routing;
  Dispatch dispatch;
};

/// The function applied to the last layer of an expert.
enum class ExpertOutput {
  as_is,    ///< none: for a regression, or experts whose last layer is a softmax
  softmax,  ///< softmax: probabilities of the classes
  escort,   ///< probabilities proportional to squares, see nn::Escort
};

/// The choices of users.
inline constexpr Choice<ExpertOutput> kExpertOutputs[] = {{ExpertOutput::softmax, "softmax"},
                                                          {ExpertOutput::escort, "escort"}};
constexpr std::span<const Choice<ExpertOutput>> choices(ExpertOutput) { return kExpertOutputs; }

/// How the experts' outputs for a sample are combined.
enum class Combination {
  outputs,  ///< the weighted sum of the experts' outputs
  logits,   ///< softmax of the weighted sum of their logits divided by the temperature, which the gate then lacks;
            ///< with weights of 1 this is the normalized product of the experts' distributions
  concatenation,  ///< softmax over the concatenated logits of all experts, one for each class
};

/// Whether a gate reads the hidden layer of an expert before or after its ReLU; see ReadingGate::reads_hidden.
enum class HiddenLayer { post_relu, pre_relu };
inline constexpr Choice<HiddenLayer> kHiddenLayers[] = {{HiddenLayer::post_relu, "post-relu"},
                                                        {HiddenLayer::pre_relu, "pre-relu"}};
constexpr std::span<const Choice<HiddenLayer>> choices(HiddenLayer) { return kHiddenLayers; }

struct ModelSettings {
  ExpertOutput expert_output = ExpertOutput::as_is;
  Combination combination = Combination::outputs;
  /// i64 [C], for concatenation: class c is logit class_slot[c] of the E * W logits of E experts of width W.
  Tensor class_slot = {};
  /// i64 [E, C]: class c is output expert_slot[e, c] of expert e, or -1 if the expert cannot predict it. If undefined,
  /// every expert predicts every class.
  Tensor expert_slot = {};
  HiddenLayer hidden = HiddenLayer::post_relu;  ///< which form of the experts' last hidden layer a gate reads
  /// Maps the combined output [B, C] to the output, for example a calibration; null leaves it as it is.
  std::function<Variable(const Variable& output, const RoutingOptions& routing)> readout = {};
};

/// A gate, experts, and the path between them: gate -> routing -> dispatch -> experts -> combine. The options of a call
/// decide which experts are evaluated; dense and sparse evaluation share one code path, and all models are of this
/// class.
///
/// Parameters are named "gate.*" and "experts.*".
class Model final : public nn::Module {
 public:
  /// `gate` maps x to scores [B, E], or is a ReadingGate. `experts` is as in moe/model/experts.h; a gate that reads
  /// their hidden layer needs an nn::Sequential. A model without a gate (nullptr) is routed by the outputs of its
  /// experts, by the labels, or not at all; with one expert it may be a plain network. Throws ValueError if there are
  /// no experts.
  Model(Gate gate, std::shared_ptr<nn::Module> experts, int64_t num_experts, ModelSettings settings = {});

  /// Routes x by `options` and evaluates only the chosen experts, or all if the options, the gate or the scores need
  /// them. Throws ValueError if a rule needs a gate, labels or a given choice and there is none.
  Forward run(const Variable& x, const RoutingOptions& options, Generator& generator,
              const Supervision& supervision = {});
  /// A forward pass with the same experts' outputs and choice, but weights and output from other scores or options.
  Forward reweighted(const Forward& forward, const Variable& scores, const RoutingOptions& options) const;
  /// The output of the soft mixture; throws ValueError for rows that are divided among experts.
  nn::Rows forward(const nn::Rows& x) override;

  int64_t experts() const { return num_experts_; }
  bool has_gate() const { return gate() != nullptr; }
  const std::shared_ptr<nn::Module>& gate() const { return gate_.module(); }
  /// The gate if it reads the experts, else null.
  const ReadingGate* reading_gate() const { return gate_.reading(); }
  const std::shared_ptr<nn::Module>& expert_stack() const { return experts_; }
  const ModelSettings& settings() const { return settings_; }

  /// Replaces the gate by another one. Throws ValueError if the model has none.
  void set_gate(Gate gate);
  /// While on, no gradient flows from a gate that reads the experts into them.
  void set_gate_reads_constants(bool on) { gate_reads_constants_ = on; }
  /// Whether a call with these options evaluates all experts before it chooses among them.
  bool evaluates_all(const RoutingOptions& options) const;

 private:
  struct Evaluated {
    Variable hidden, logits, rows;  ///< hidden is undefined unless the gate reads it
  };
  Evaluated evaluate(const Variable& x, const Dispatch& dispatch);
  Variable gate_scores(const Variable& x, const Evaluated* evaluated, const Dispatch& dispatch);
  Variable combined(const Forward& forward, const RoutingOptions& options) const;
  Variable output_of(const Forward& forward, const RoutingOptions& options) const;
  RoutingOptions gate_options(const RoutingOptions& options) const;

  Gate gate_;
  std::shared_ptr<nn::Module> experts_;
  int64_t num_experts_;
  ModelSettings settings_;
  bool gate_reads_constants_ = false;
};

}  // namespace divvy::moe
