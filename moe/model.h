#pragma once

#include <memory>

#include "moe/dispatch.h"
#include "moe/routing.h"
#include "nn/module.h"

namespace divvy::moe {

/// Everything that one forward pass of a model computed: what objectives, metrics and analysis read.
struct Forward {
  Variable input;   ///< [B, ...]
  Variable output;  ///< [B, C] the combined output
  Variable rows;    ///< [N, C] the outputs of the experts, in the layout of `dispatch`
  Routing routing;
  Dispatch dispatch;
};

/// A gate, experts, and the path between them: gate -> routing -> dispatch -> experts -> combine. The rule of a call
/// decides which experts are evaluated; there is one code path for dense and sparse evaluation, and one class for all
/// models.
///
/// Parameters are named "gate.*" and "experts.*".
class Model final : public nn::Module {
 public:
  /// `gate`: x -> scores [B, E]. `experts`: see moe/experts.h. A model of a single network has no gate (nullptr) and
  /// one expert, which then needs no stacked parameters. Throws ValueError for no experts, or several without a gate.
  Model(std::shared_ptr<nn::Module> gate, std::shared_ptr<nn::Module> experts, int64_t num_experts);

  /// Routes x by `options` and evaluates the chosen experts only.
  Forward run(const Variable& x, const RoutingOptions& options, Generator& generator);
  /// The output of the soft mixture.
  Variable forward(const Variable& x, const Segments& segments) override;

  int64_t experts() const { return num_experts_; }
  bool has_gate() const { return gate_ != nullptr; }
  const std::shared_ptr<nn::Module>& gate() const { return gate_; }
  const std::shared_ptr<nn::Module>& expert_stack() const { return experts_; }

 private:
  std::shared_ptr<nn::Module> gate_, experts_;
  int64_t num_experts_;
};

}  // namespace divvy::moe
