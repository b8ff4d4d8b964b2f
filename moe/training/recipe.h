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

/// Which parameters a stage updates; the other part is frozen, including the statistics of its batch norms.
enum class Learns { everything, gate, experts };

/// The state in which a part of the model enters a stage.
enum class Start {
  keep,       ///< as the previous stage left it
  initial,    ///< with its weights before the first stage
  fresh,      ///< with new random weights
  distilled,  ///< for an attentive gate: replaced by a plain one with its layers (AttentiveGate::distilled)
};

/// The E-step of expectation maximization: the responsibilities for each sample of the training part.
enum class EStep {
  none,
  soft,  ///< every expert's is proportional to p[b, e] * likelihood
  hard,  ///< that of the expert with the greatest product is 1
};

/// The choices of users.
inline constexpr Choice<EStep> kESteps[] = {{EStep::soft, "soft"}, {EStep::hard, "hard"}};
constexpr std::span<const Choice<EStep>> choices(EStep) { return kESteps; }

/// The softmax temperature of a gate in each epoch. It continues through the stages that train the gate, and stays
/// constant while the gate is frozen.
struct Temperatures {
  std::vector<double> schedule = {};  ///< for the first epochs; the last one stays. Empty: RoutingOptions::temperature
  double decay = 0;                   ///< T[e + 1] = max(0.001, T[e] / (1 + decay * (e - decay_start)))
  int64_t decay_start = 0;            ///< epoch, counted from 0, after which decay begins
  int64_t begin = 0;                  ///< number of epochs in which previous stages trained the gate
};

/// The temperatures of one epoch after the other, from epoch `begin` on. Nothing is stored for each epoch.
class TemperatureSequence {
 public:
  /// `usual` is the temperature if there is no schedule. Throws ValueError for one outside [1e-30, 1e30].
  TemperatureSequence(const Temperatures& temperatures, double usual);

  /// The temperature of the next epoch.
  double next();
  /// That of the last of the next `epochs` >= 1 epochs.
  double skip(int64_t epochs);

 private:
  Temperatures temperatures_;
  double usual_, last_ = 0;
  int64_t epoch_ = 0;
};

/// One part of a training method.
struct Stage {
  std::string name = "joint";
  Learns learns = Learns::everything;
  Start gate = Start::keep;
  Start experts = Start::keep;
  OptimizerOptions optimizer = {};
  RoutingOptions routing = {};
  std::optional<RoutingOptions> evaluation = {};  ///< routing of this stage's validation; by default that of the run
  Objective objective = {};
  int64_t epochs = 1;
  double clip_norm = 0;  ///< largest norm of all gradients together; 0: no clipping
  Temperatures temperatures = {};
  /// The experts are trained by the loss at the temperature of the epoch, the gate by the loss and the regularizers at
  /// temperature 1; neither gradient reaches the other part. Otherwise both use the temperature of the epoch.
  bool two_temperatures = false;
  bool constant_readings = false;  ///< a gate that reads the experts sends no gradient into them
  EStep e_step = EStep::none;
  int64_t e_step_every = 1;     ///< epochs between two E-steps
  ClassLists class_lists = {};  ///< for Rule::given: each sample goes to the experts that have its label
  /// Frozen batch norms keep their running statistics. If false, they continue to update them, as in adaptive batch
  /// normalization (Li et al. 2016, arXiv 1603.04779).
  bool freeze_statistics = true;
  /// What the E-step normalizes, from the gate's probabilities and the experts' log-likelihoods, both [B, E].
  Variable (*joint)(const Variable& gate, const Variable& log_likelihood) = joint_log_likelihood;
  /// Applied to these values, [N, E] for the whole training part, before they are normalized, for example division by a
  /// temperature in deterministic annealing (Ueda and Nakano 1998); null leaves them as they are.
  Variable (*e_step_transform)(const Variable& joint, Generator& random) = nullptr;
  /// One learning rate for each expert of an ExpertList; if empty, that of the optimizer.
  std::vector<double> expert_learning_rates = {};
};

/// A training method as data: stages that run one after the other.
struct Recipe {
  std::string name;
  std::vector<Stage> stages;

  int64_t epochs() const;
  /// The number of epochs that train the gate, over which its temperatures are spread.
  int64_t gate_epochs() const;
  /// The temperature of the gate's softmax in the last epoch.
  double temperature() const;
};

/// The recipe that trains gate and experts together with one objective.
Recipe joint(const RoutingOptions& routing, const Objective& objective, const OptimizerOptions& optimizer,
             int64_t epochs);

/// The settings from which the stages of a recipe are made.
struct Method {
  ModelOptions model = {};
  Objective objective = {};
  OptimizerOptions optimizer = {};
  int64_t epochs = 20;        ///< number of epochs of the last part of the recipe
  int64_t first_epochs = 20;  ///< number of epochs of each part before it
  double clip_norm = 0;
  Temperatures temperatures = {};
  EStep e_step = EStep::soft;  ///< for the recipe em
  int64_t e_step_every = 1;
  std::vector<double> expert_learning_rates = {};
};

/// A named recipe.
struct RecipeKind {
  std::string name;
  std::string summary;
  std::function<std::vector<Stage>(const Method&)> stages;
  bool trains_gateless = false;  ///< it can also train models without a gate
  bool of_own_models = false;    ///< it can train only the models whose recipe it is
  /// Whether a stage routes each sample to the experts that have its class in ModelOptions::class_lists.
  bool reads_class_lists = false;
};

/// All recipes, in the order in which they are listed to users; a program can add its own.
Registry<RecipeKind>& recipes();

/// The recipe of that name for a model. Throws ValueError for an unknown name, listing the known ones, and for a model
/// that it cannot train, suggesting an alternative.
Recipe make_recipe(std::string_view name, const Method& method);

}  // namespace divvy::moe
