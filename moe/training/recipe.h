#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moe/model/class_lists.h"
#include "moe/model/models.h"
#include "moe/model/routing.h"
#include "moe/training/likelihood.h"
#include "moe/training/objective.h"
#include "moe/training/optimizers.h"

namespace divvy::moe {

/// Which parameters a stage updates; the others are frozen whole, the statistics of batch norms included.
enum class Learns { everything, gate, experts };

/// From where a part of the model goes into a stage.
enum class Start {
  keep,       ///< as the stage before left it
  initial,    ///< with the weights that it had before the first stage
  fresh,      ///< with new random weights
  distilled,  ///< for an attentive gate: as an ordinary one that keeps its layers (AttentiveGate::distilled)
};

/// The E-step of expectation maximization: who answers for each sample of the training part.
enum class EStep {
  none,
  soft,  ///< every expert, in proportion to p[b, e] * likelihood
  hard,  ///< the expert with the greatest product alone
};

/// Those that users choose from.
inline constexpr Choice<EStep> kESteps[] = {{EStep::soft, "soft"}, {EStep::hard, "hard"}};
constexpr std::span<const Choice<EStep>> choices(EStep) { return kESteps; }

/// The softmax temperature of a gate, epoch by epoch; it goes on from stage to stage. Under a frozen gate it stays what
/// it was.
struct Temperatures {
  std::vector<double> schedule = {};  ///< of the first epochs; the last one stays. Empty: RoutingOptions::temperature
  double decay = 0;                   ///< T[e + 1] = max(0.001, T[e] / (1 + decay * (e - decay_start)))
  int64_t decay_start = 0;            ///< epochs, counted from 0, up to which there is no decay
  int64_t begin = 0;                  ///< epochs that the gate has learned in stages before

  /// The temperatures of the next so many epochs. Throws ValueError for one that is not positive.
  std::vector<double> of_epochs(int64_t epochs, double usual) const;
};

/// One part of a training method.
struct Stage {
  std::string name = "joint";
  Learns learns = Learns::everything;
  Start gate = Start::keep;
  Start experts = Start::keep;
  OptimizerOptions optimizer = {};
  RoutingOptions routing = {};
  std::optional<RoutingOptions> evaluation = {};  ///< of the validation in this stage; else that of the run
  Objective objective = {};
  int64_t epochs = 1;
  double clip_norm = 0;  ///< the greatest norm of all gradients together; 0: not clipped
  Temperatures temperatures = {};
  /// The experts learn from the loss at the temperature of the epoch, the gate from the loss and the regularizers at
  /// temperature 1; neither gradient reaches the other part. Without, the temperature is that of all.
  bool two_temperatures = false;
  bool constant_readings = false;  ///< a gate that reads the experts sends no gradient into them
  EStep e_step = EStep::none;
  int64_t e_step_every = 1;     ///< epochs between two E-steps
  ClassLists class_lists = {};  ///< for Rule::given: each sample goes to the expert that has its label
  /// Frozen batch norms keep their running statistics; without, these follow the data that the frozen part is given, as
  /// in adaptive batch normalization (Li et al. 2016, arXiv 1603.04779).
  bool freeze_statistics = true;
  /// What the E-step compares: of probabilities of the gate and log-likelihoods of the experts, both [B, E].
  Variable (*joint)(const Variable& gate, const Variable& log_likelihood) = joint_log_likelihood;
  /// What becomes of these, [N, E] of the whole training part, before they are normalized, as division by a temperature
  /// in deterministic annealing (Ueda and Nakano 1998); null: nothing.
  Variable (*e_step_transform)(const Variable& joint, Generator& random) = nullptr;
  /// One rate for each expert of an ExpertList; empty: that of the optimizer.
  std::vector<double> expert_learning_rates = {};
};

/// A training method, as data: its stages, run one after the other. A new method is a new recipe.
struct Recipe {
  std::string name;
  std::vector<Stage> stages;

  int64_t epochs() const;
  /// The epochs of those stages in which a gate learns, over which its temperatures are spread.
  int64_t gate_epochs() const;
  /// That of the gate's own softmax in the last epoch.
  double temperature() const;
};

/// Gate and experts learn together from one loss.
Recipe joint(const RoutingOptions& routing, const Objective& objective, const OptimizerOptions& optimizer,
             int64_t epochs);

/// What the stages of a recipe are made of.
struct Method {
  ModelOptions model = {};
  Objective objective = {};
  OptimizerOptions optimizer = {};
  int64_t epochs = 20;        ///< of the last part of the recipe
  int64_t first_epochs = 20;  ///< of the parts before it, each
  double clip_norm = 0;
  Temperatures temperatures = {};
  EStep e_step = EStep::soft;  ///< of the recipe em
  int64_t e_step_every = 1;
  std::vector<double> expert_learning_rates = {};
};

/// A recipe by name.
struct RecipeKind {
  std::string name;
  std::string summary;
  std::function<std::vector<Stage>(const Method&)> stages;
  bool trains_gateless = false;  ///< models without a gate, too
  bool of_own_models = false;    ///< only models that are usually trained by it
  /// A stage takes each sample to the expert that has its class in ModelOptions::class_lists.
  bool reads_class_lists = false;
};

/// All recipes, in the order in which they are listed to users; a program can add its own.
Registry<RecipeKind>& recipes();

/// The recipe of that name for a model. Throws ValueError for an unknown name, with the known ones, and for a model
/// that it cannot train, with the nearest possibility.
Recipe make_recipe(std::string_view name, const Method& method);

}  // namespace divvy::moe
