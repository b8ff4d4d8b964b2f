#include <algorithm>

#include "moe/training/recipe.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

Stage joint_stage(const Method& method, int64_t epochs) {
  Stage stage = joint(routing_of(method.model, true), method.objective, method.optimizer, epochs).stages[0];
  stage.clip_norm = method.clip_norm;
  stage.temperatures = method.temperatures;
  stage.expert_learning_rates = method.expert_learning_rates;
  return stage;
}

/// The experts are trained without a gate, and so without the regularizers of the objective.
Stage experts_stage(const Method& method, const char* name) {
  Stage stage = joint_stage(method, method.first_epochs);
  stage.name = name;
  stage.learns = Learns::experts;
  stage.objective = {.loss = method.model.targets > 0 ? "mse" : "cross-entropy"};
  return stage;
}

Stage self_information_stage(const Method& method) {
  Stage stage = experts_stage(method, "no gate");
  ModelOptions without_gate = method.model;
  without_gate.model = "no-gate-self-information";
  without_gate.gate = GateKind::plain;
  without_gate.output = Output::usual;
  without_gate.gate_normalizer = Normalizer::softmax;
  stage.routing = routing_of(without_gate, true);
  // The values of a regression have no entropy by which to choose an expert; its validation shows the best one.
  stage.evaluation = method.model.targets > 0 ? RoutingOptions{.rule = Rule::arg_max, .scores = Scores::log_likelihood}
                                              : routing_of(without_gate, false);
  return stage;
}

Stage class_list_stage(const Method& method) {
  if (method.model.class_lists.empty())
    fail<ValueError>("experts are chosen beforehand by class lists; none are given");
  class_slots(method.model.class_lists, method.model.classes);  // throws if lists share or omit a class
  Stage stage = experts_stage(method, "experts alone");
  stage.routing = {.rule = Rule::given, .scores = Scores::none};
  stage.evaluation = stage.routing;
  stage.class_lists = method.model.class_lists;
  return stage;
}

Stage gate_stage(const Method& method, int64_t epochs) {
  Stage stage = joint_stage(method, epochs);
  stage.name = "gate";
  stage.learns = Learns::gate;
  return stage;
}

/// Experts that are trained from other weights under a frozen gate.
Stage transfer_stage(const Method& method, Start start) {
  Stage stage = joint_stage(method, method.epochs);
  stage.name = start == Start::initial ? "experts from their initial weights" : "fresh experts";
  stage.learns = Learns::experts;
  stage.experts = start;
  return stage;
}

Stage distil_stage(const Method& method) {
  // No regularizer and no weight decay, since only the gate is fitted, to trained experts.
  Stage stage = gate_stage(method, method.epochs);
  stage.name = "distilled gate";
  stage.gate = Start::distilled;
  stage.objective = {.loss = method.objective.loss};
  stage.routing.every_expert = false;
  stage.optimizer.weight_decay = 0;
  return stage;
}

Stage em_stage(const Method& method) {
  Stage stage = joint_stage(method, method.epochs);
  stage.name = "em";
  stage.e_step = method.e_step;
  stage.e_step_every = method.e_step_every;
  if (method.e_step == EStep::hard) stage.routing.rule = Rule::given;
  return stage;
}

Stage loss_gate_stage(const Method& method) {
  Method with_regression = method;
  Objective& objective = with_regression.objective;
  if (objective.weight("gate_regression") == 0) objective.set_weight("gate_regression", 1);
  Stage stage = joint_stage(with_regression, method.epochs);
  stage.name = "loss gate";
  stage.constant_readings = true;
  return stage;
}

Stage two_temperature_stage(const Method& method) {
  Stage stage = joint_stage(method, method.epochs);
  stage.name = "two temperatures";
  stage.two_temperatures = true;
  return stage;
}

void refuse_impossible(const RecipeKind& kind, const Method& method) {
  const ModelKind& model = models().at(method.model.model);
  if (!kind.trains_gateless && !model.gated) {
    fail<ValueError>("recipe {} trains a gate, model {} has none; model mixture has", kind.name, model.name);
  }
  if (kind.name != model.recipe && recipes().at(model.recipe).of_own_models) {
    fail<ValueError>("model {} is trained by recipe {}, not by {}", model.name, model.recipe, kind.name);
  }
  if (kind.name != model.recipe && kind.of_own_models) {
    fail<ValueError>("recipe {} trains model {}, not {}", kind.name, kind.name, model.name);
  }
  const Loss& loss = method.objective.loss;
  const bool with_targets = loss.with == LossKind::With::targets;
  if (loss.with != LossKind::With::either && with_targets != (method.model.targets > 0)) {
    fail<ValueError>("the loss {} is for {}, and the data have {}; loss {} suits", loss.name,
                     with_targets ? "targets" : "classes", with_targets ? "classes" : "targets",
                     with_targets ? "cross-entropy" : "mse");
  }
  if (!method.expert_learning_rates.empty() &&
      static_cast<int64_t>(method.expert_learning_rates.size()) != method.model.experts) {
    fail<ValueError>("{} learning rates for {} experts", method.expert_learning_rates.size(), method.model.experts);
  }
}

/// Makes one schedule of the gate's temperature, whatever the number of stages that train it.
void spread_temperatures(std::vector<Stage>& stages, const Temperatures& temperatures) {
  int64_t learned = 0;
  for (Stage& stage : stages) {
    if (stage.learns == Learns::experts) {
      stage.temperatures = {};
      if (learned > 0) {
        stage.routing.temperature = TemperatureSequence(temperatures, stage.routing.temperature).skip(learned);
      }
      continue;
    }
    stage.temperatures.begin = learned;
    learned += stage.epochs;
  }
}

/// Half of the epochs train the gate alone, the others both together.
std::vector<Stage> gate_then_both(const Method& method) {
  Stage both = joint_stage(method, method.epochs - method.epochs / 2);
  both.name = "gate and experts";
  if (method.epochs / 2 == 0) return {both};
  return {gate_stage(method, method.epochs / 2), both};
}

std::vector<RecipeKind> built_in_recipes() {
  return {
      {.name = "joint",
       .summary = "gate and experts together, from one loss",
       .stages = [](const Method& m) -> std::vector<Stage> { return {joint_stage(m, m.epochs)}; },
       .trains_gateless = true},
      {"two-temperatures", "experts learn at the temperature, the gate at 1 and from the regularizers",
       [](const Method& m) -> std::vector<Stage> { return {two_temperature_stage(m)}; }},
      {.name = "loss-gate",
       .summary = "experts by the preferred one's loss, the gate by regression of all likelihoods",
       .stages = [](const Method& m) -> std::vector<Stage> { return {loss_gate_stage(m)}; },
       .of_own_models = true},
      {.name = "em",
       .summary = "E-steps over the training part, and steps for gate and experts between them",
       .stages = [](const Method& m) -> std::vector<Stage> { return {em_stage(m)}; },
       .of_own_models = true},
      {"no-gate-then-gate", "experts by self-information, then the gate alone, then both",
       [](const Method& m) -> std::vector<Stage> {
         std::vector<Stage> stages = gate_then_both(m);
         stages.insert(stages.begin(), self_information_stage(m));
         return stages;
       }},
      {"no-gate-then-gate-only", "experts by self-information, then the gate alone",
       [](const Method& m) -> std::vector<Stage> {
         return {self_information_stage(m), gate_stage(m, m.epochs)};
       }},
      {"distil", "both with an attentive gate, then an ordinary gate made of it, the experts frozen",
       [](const Method& m) -> std::vector<Stage> {
         return {joint_stage(m, m.first_epochs), distil_stage(m)};
       }},
      {.name = "pre-chosen",
       .summary = "experts alone on classes of their own, then the gate, the experts frozen (model 4)",
       .stages = [](const Method& m) -> std::vector<Stage> {
         return {class_list_stage(m), gate_stage(m, m.epochs)};
       },
       .reads_class_lists = true},
      {.name = "pre-chosen-unfixed",
       .summary = "experts alone on classes of their own, then both",
       .stages = [](const Method& m) -> std::vector<Stage> {
         return {class_list_stage(m), joint_stage(m, m.epochs)};
       },
       .reads_class_lists = true},
      {"transfer-same", "both, then under the frozen gate experts from their initial weights (model 2)",
       [](const Method& m) -> std::vector<Stage> {
         return {joint_stage(m, m.first_epochs), transfer_stage(m, Start::initial)};
       }},
      {"transfer-fresh", "both, then under the frozen gate experts with new weights (model 3)",
       [](const Method& m) -> std::vector<Stage> {
         return {joint_stage(m, m.first_epochs), transfer_stage(m, Start::fresh)};
       }},
      {.name = "pre-chosen-same",
       .summary = "as pre-chosen, then under its frozen gate experts from their initial weights (model 5)",
       .stages = [](const Method& m) -> std::vector<Stage> {
         return {class_list_stage(m), gate_stage(m, m.first_epochs), transfer_stage(m, Start::initial)};
       },
       .reads_class_lists = true},
      {.name = "pre-chosen-fresh",
       .summary = "as pre-chosen, then under its frozen gate experts with new weights (model 6)",
       .stages = [](const Method& m) -> std::vector<Stage> {
         return {class_list_stage(m), gate_stage(m, m.first_epochs), transfer_stage(m, Start::fresh)};
       },
       .reads_class_lists = true},
  };
}

}  // namespace

Registry<RecipeKind>& recipes() {
  static Registry<RecipeKind> all("recipe", built_in_recipes());
  return all;
}

Recipe make_recipe(std::string_view name, const Method& method) {
  const RecipeKind& kind = recipes().at(name);
  refuse_impossible(kind, method);
  Recipe recipe{kind.name, kind.stages(method)};
  const bool distils = std::ranges::find(recipe.stages, Start::distilled, &Stage::gate) != recipe.stages.end();
  if (distils && method.model.gate != GateKind::attentive) {
    fail<ValueError>("recipe {} starts from an attentive gate; choose one (--gate attentive)", name);
  }
  spread_temperatures(recipe.stages, method.temperatures);
  return recipe;
}

}  // namespace divvy::moe
