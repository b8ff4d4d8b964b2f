#include <algorithm>

#include "autograd/ops/rows.h"
#include "autograd/ops/softmax.h"
#include "datasets/compose.h"
#include "kernels/fill.h"
#include "moe/reproduction/published_losses.h"
#include "moe/reproduction/quirks.h"

namespace divvy::moe {

namespace {

bool any_stage(const Recipe& recipe, bool (*is)(const Stage&)) { return std::ranges::any_of(recipe.stages, is); }

bool learns_by_em(const Stage& stage) { return stage.e_step != EStep::none; }

/// Appends a function to those that change the routing in evaluation.
void then(ModelOptions& model, void (*change)(const RoutingOptions& training, RoutingOptions& evaluation)) {
  model.evaluation_routing = [before = model.evaluation_routing, change](const RoutingOptions& training,
                                                                         RoutingOptions& evaluation) {
    if (before) before(training, evaluation);
    change(training, evaluation);
  };
}

/// Whether the output is that of all experts, or of the top expert weighted by its probability.
bool is_soft(const RoutingOptions& routing) {
  return routing.rule == Rule::all || (routing.rule == Rule::top_k && routing.k == 1);
}

void soften_twice(ModelOptions& model) {
  const ModelKind& kind = models().at(model.model);
  if (kind.combination != Combination::outputs || kind.training.scores == Scores::none) return;
  model.readout = [](const Variable& output, const RoutingOptions& routing) {
    return is_soft(routing) ? softmax(output) : output;
  };
}

bool softens_twice(const ModelOptions& model, const Recipe& recipe, const TrainerOptions& trainer) {
  const auto reads_output = [](const Stage& stage) {
    const Loss& loss = stage.objective.loss;
    return is_soft(stage.routing) && !loss.mixes_outputs && !loss.responsibilities;
  };
  return model.readout && (is_soft(trainer.evaluation) || any_stage(recipe, reads_output));
}

using LossFunction = Variable (*)(const Variable& rows, const Routing& routing, const Dispatch& dispatch,
                                  const Supervision& supervision);

/// Replaces the function of a loss in all stages that use it.
void exchange(Recipe& recipe, std::string_view loss, LossFunction function) {
  for (Stage& stage : recipe.stages) {
    if (stage.objective.loss.name != loss) continue;
    stage.objective.loss.value = [function](const TermInputs& in) {
      const Forward& forward = in.forward();
      return function(forward.rows, forward.routing, forward.dispatch, in.known());
    };
  }
}

bool learns_by_likelihood(const Stage& stage) { return stage.objective.loss.name == "likelihood"; }

Variable scramble(const Variable& joint, Generator& random) {
  return gather_rows(joint, random.permutation(joint.size(0)).to(joint.value().device()));
}

/// The unweighted mean of the accuracies of batches of `batch` samples in the order of the record: a short last batch
/// counts as much as a full one.
double batch_mean_accuracy(const Record& record, int64_t batch) {
  if (batch < 1) fail<ValueError>("unweighted mean of batch accuracies: batches of {} samples", batch);
  double total = 0;
  int64_t batches = 0;
  for (int64_t begin = 0; begin < record.size(); begin += batch) {
    const int64_t end = std::min(begin + batch, record.size());
    int64_t right = 0;
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      right += record.label[i] == record.prediction[i];
    }
    total += static_cast<double>(right) / static_cast<double>(end - begin);
    ++batches;
  }
  return total / static_cast<double>(batches);
}

}  // namespace

Registry<Quirk>& quirks() {
  static Registry<Quirk> all(
      "quirk",
      {{.name = "double-softmax",
        .summary = "softmax of the mixture's output (mixture, top-1; a regression's values, too)",
        .model = soften_twice,
        .changes = softens_twice,
        .reader = "--model mixture and top-1"},
       {.name = "square-root-likelihood",
        .summary = "the mixture likelihood of square roots of probabilities (loss likelihood)",
        .recipe =
            [](Recipe& recipe, const ModelOptions& model) {
              if (model.targets > 0 && any_stage(recipe, learns_by_likelihood)) {
                fail<ValueError>("square-root-likelihood is of probabilities of labels, and the data have targets");
              }
              exchange(recipe, "likelihood", square_root_likelihood_loss);
            },
        .changes = [](const ModelOptions&, const Recipe& recipe,
                      const TrainerOptions&) { return any_stage(recipe, learns_by_likelihood); },
        .reader = "--loss likelihood"},
       {.name = "similarity-bracket",
        .summary = "only the `different` part of sample similarity is divided by B^2",
        .recipe =
            [](Recipe& recipe, const ModelOptions&) {
              for (Stage& stage : recipe.stages) {
                if (Regularizer* same = stage.objective.find("similarity_same")) {
                  same->value = [](const TermInputs& in) { return sample_similarity(in).same; };
                }
              }
            },
        .changes =
            [](const ModelOptions&, const Recipe& recipe, const TrainerOptions&) {
              return any_stage(recipe,
                               [](const Stage& stage) { return stage.objective.weight("similarity_same") > 0; });
            },
        .reader = "--similarity-same"},
       {.name = "zero-gate",
        .summary = "every parameter of the gate starts at 0, so only its last bias learns",
        .model =
            [](ModelOptions& model) {
              model.gate_initializer = [](nn::Module& gate) {
                for (Variable parameter : gate.parameters()) kernels::fill(parameter.mutable_value(), 0);
              };
            },
        .changes = [](const ModelOptions& model, const Recipe&,
                      const TrainerOptions&) { return models().at(model.model).gated; },
        .reader = "models with a gate"},
       {.name = "oracle-validation",
        .summary = "self-information chooses by the labels in evaluation, too (no-gate-self-information)",
        .model =
            [](ModelOptions& model) {
              then(model, [](const RoutingOptions& training, RoutingOptions& evaluation) {
                if (training.scores == Scores::self_information) evaluation.scores = training.scores;
              });
            },
        .changes =
            [](const ModelOptions&, const Recipe& recipe, const TrainerOptions&) {
              return any_stage(recipe,
                               [](const Stage& stage) { return stage.routing.scores == Scores::self_information; });
            },
        .reader = "--model no-gate-self-information"},
       {.name = "noise-in-evaluation",
        .summary = "the noise on self-information stays in evaluation; needs oracle-validation",
        .model =
            [](ModelOptions& model) {
              then(model, [](const RoutingOptions& training, RoutingOptions& evaluation) {
                if (evaluation.scores == Scores::self_information) evaluation.noise = training.noise;
              });
            },
        .changes =
            [](const ModelOptions&, const Recipe& recipe, const TrainerOptions& trainer) {
              return trainer.evaluation.noise > 0 || any_stage(recipe, [](const Stage& stage) {
                       return stage.evaluation && stage.evaluation->noise > 0;
                     });
            },
        .reader = "--quirks oracle-validation"},
       {.name = "drifting-statistics",
        .summary = "batch norms of frozen parts go on updating their statistics",
        .recipe =
            [](Recipe& recipe, const ModelOptions&) {
              for (Stage& stage : recipe.stages) stage.freeze_statistics = false;
            }},
       {.name = "batch-statistics",
        .summary = "evaluation in training mode: batch norms use the batch, dropout goes on",
        .trainer = [](TrainerOptions& trainer) { trainer.evaluation_mode = [](Model& model) { model.train(); }; }},
       {.name = "dropout-in-evaluation",
        .summary = "dropout goes on in evaluation; batch norms do not",
        .trainer =
            [](TrainerOptions& trainer) {
              trainer.evaluation_mode = [before = trainer.evaluation_mode](Model& model) {
                before(model);
                for (const auto& [name, module] : model.named_modules()) {
                  if (!module->draws().empty()) module->train();
                }
              };
            }},
       {.name = "augmented-validation",
        .summary = "the validation part is augmented like the training part",
        .trainer = [](TrainerOptions& trainer) { trainer.augment_validation = true; },
        .changes = [](const ModelOptions&, const Recipe&,
                      const TrainerOptions& trainer) { return !trainer.augment.none(); },
        .reader = "--augment"},
       {.name = "accuracy-after-update",
        .summary = "training accuracy from a second forward pass, in evaluation mode, after each step",
        .trainer = [](TrainerOptions& trainer) { trainer.accuracy_after_update = true; }},
       {.name = "scrambled-em",
        .summary = "the E-step's assignments go to other samples than they were made for",
        .recipe =
            [](Recipe& recipe, const ModelOptions&) {
              for (Stage& stage : recipe.stages) stage.e_step_transform = scramble;
            },
        .changes = [](const ModelOptions&, const Recipe& recipe,
                      const TrainerOptions&) { return any_stage(recipe, learns_by_em); },
        .reader = "--recipe em"},
       {.name = "em-gate-sign",
        .summary = "EM of a regression minimizes gate times loss, which prefers experts that the gate does not",
        .recipe =
            [](Recipe& recipe, const ModelOptions& model) {
              if (model.targets == 0) return;
              for (Stage& stage : recipe.stages) stage.joint = gate_times_log_likelihood;
              exchange(recipe, "responsibility", gate_times_loss);
            },
        .changes = [](const ModelOptions& model, const Recipe& recipe,
                      const TrainerOptions&) { return model.targets > 0 && any_stage(recipe, learns_by_em); },
        .reader = "--recipe em of a regression"},
       {.name = "unit-temperature",
        .summary = "evaluation at temperature 1, whatever the gate learned at",
        .trainer = [](TrainerOptions& trainer) { trainer.evaluation.temperature = 1; }},
       {.name = "unweighted-batches",
        .summary = "validation accuracy as the mean over batches, a short last one counting as much as the others",
        .trainer =
            [](TrainerOptions& trainer) {
              trainer.validation_accuracy = [batch = trainer.batch](const Record& record) {
                return batch_mean_accuracy(record, batch);
              };
            }},
       {.name = "no-validation-part",
        .summary = "nothing is set aside: all is learned from, and the test part serves as validation part",
        .data =
            [](data::Splits& data) {
              if (data.validation.size() > 0) data.train = data::concat({data.train, data.validation});
              data.validation = data.test;
            }},
       {.name = "test-as-validation",
        .summary = "the test part serves as validation part",
        .data = [](data::Splits& data) { data.validation = data.test; }}});
  return all;
}

}  // namespace divvy::moe
