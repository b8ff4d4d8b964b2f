#pragma once

#include <functional>
#include <memory>

#include "moe/model/dispatch.h"
#include "moe/model/gate.h"
#include "moe/model/routing.h"
#include "moe/model/supervision.h"
#include "nn/module.h"

namespace divvy::moe {

/// Everything that one forward pass of a model computed: what objectives, metrics and analysis read.
struct Forward {
  Variable input;   ///< [B, ...]
  Variable output;  ///< [B, C] the combined output
  Variable rows;    ///< [N, C] the outputs of the experts, in the layout of `dispatch`
  Variable logits;  ///< [N, W] the same before the experts' output form; `rows` where that is as_is. W is C, or what
                    ///< the widest class list of a concatenation or a class mask has
  Routing routing;
  Dispatch dispatch;
};

/// What becomes of the last layer of an expert.
enum class ExpertOutput {
  as_is,    ///< nothing: values of a regression, or experts that end with a softmax of their own
  softmax,  ///< probabilities of the classes
  escort,   ///< probabilities by squares, see nn::Escort
};

/// Those that users choose from.
inline constexpr Choice<ExpertOutput> kExpertOutputs[] = {{ExpertOutput::softmax, "softmax"},
                                                          {ExpertOutput::escort, "escort"}};
constexpr std::span<const Choice<ExpertOutput>> choices(ExpertOutput) { return kExpertOutputs; }

/// How the rows of a sample become one output.
enum class Combination {
  outputs,  ///< the weighted sum of the experts' outputs
  logits,   ///< softmax of the weighted sum of their logits, divided by the temperature, which the gate then lacks;
            ///< with weights of one it is the normalized product of the experts' distributions
  concatenation,  ///< softmax over the logits of all experts side by side, of which each class has one
};

/// Which hidden layer of an expert a gate reads, see ReadingGate::reads_hidden.
enum class HiddenLayer { post_relu, pre_relu };
inline constexpr Choice<HiddenLayer> kHiddenLayers[] = {{HiddenLayer::post_relu, "post-relu"},
                                                        {HiddenLayer::pre_relu, "pre-relu"}};
constexpr std::span<const Choice<HiddenLayer>> choices(HiddenLayer) { return kHiddenLayers; }

struct ModelSettings {
  ExpertOutput expert_output = ExpertOutput::as_is;
  Combination combination = Combination::outputs;
  /// i64 [C], for concatenation: class c is logit class_slot[c] of the [E * W] that E experts of width W have.
  Tensor class_slot = {};
  /// i64 [E, C]: class c is output expert_slot[e, c] of expert e, -1 for a class that it cannot predict. Undefined:
  /// every expert has every class.
  Tensor expert_slot = {};
  HiddenLayer hidden = HiddenLayer::post_relu;  ///< the last one of the experts, before or behind its ReLU
  /// What becomes of the combined output [B, C] under a routing, as a calibration; null: nothing.
  std::function<Variable(const Variable& output, const RoutingOptions& routing)> readout = {};
};

/// A gate, experts, and the path between them: gate -> routing -> dispatch -> experts -> combine. The options of a call
/// decide which experts are evaluated; there is one code path for dense and sparse evaluation, and one class for all
/// models.
///
/// Parameters are named "gate.*" and "experts.*".
class Model final : public nn::Module {
 public:
  /// `gate`: x -> scores [B, E], or a ReadingGate. `experts`: see moe/model/experts.h; a gate that reads their hidden
  /// layer needs an nn::Sequential. A model without a gate (nullptr) is routed by what its experts give, by the labels,
  /// or not at all; with one expert it may be a plain network. Throws ValueError for no experts.
  Model(Gate gate, std::shared_ptr<nn::Module> experts, int64_t num_experts, ModelSettings settings = {});

  /// Routes x by `options` and evaluates the chosen experts only, or all where the options, the gate or the scores need
  /// them. Throws ValueError where a rule needs a gate, labels or a choice that is not there.
  Forward run(const Variable& x, const RoutingOptions& options, Generator& generator,
              const Supervision& supervision = {});
  /// The same evaluation and choice under other scores, or at another temperature: new weights and a new output.
  Forward reweighted(const Forward& forward, const Variable& scores, const RoutingOptions& options) const;
  /// The output of the soft mixture.
  nn::Rows forward(const nn::Rows& x) override;

  int64_t experts() const { return num_experts_; }
  bool has_gate() const { return gate() != nullptr; }
  const std::shared_ptr<nn::Module>& gate() const { return gate_.module(); }
  /// The gate where it reads the experts, else null.
  const ReadingGate* reading_gate() const { return gate_.reading(); }
  const std::shared_ptr<nn::Module>& expert_stack() const { return experts_; }
  const ModelSettings& settings() const { return settings_; }

  /// Puts another gate in the place of the present one. Throws ValueError where there is none.
  void set_gate(Gate gate);
  /// While on, no gradient goes from the gate into the experts that it reads.
  void set_gate_reads_constants(bool on) { gate_reads_constants_ = on; }
  /// Whether experts must all have been evaluated before they can be chosen.
  bool evaluates_all(const RoutingOptions& options) const;

 private:
  struct Evaluated {
    Variable hidden, logits, rows;  ///< hidden is undefined where no gate reads it
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
