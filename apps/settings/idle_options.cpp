#include "apps/settings/idle_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "moe/model/models.h"
#include "moe/training/recipe.h"

namespace divvy::app {

void refuse_idle_terms(const TrainConfig& config) {
  const moe::ModelKind& kind = moe::models().at(config.model().model);
  std::vector<std::string> with_distances;
  bool distances_read = false;
  for (const moe::RegularizerKind& term : moe::regularizers()) {
    const bool of_gate = term.of == moe::RegularizerKind::Of::gate && !kind.gated;
    const bool of_several = term.of == moe::RegularizerKind::Of::experts && kind.single;
    const bool given = config.method.objective.weight(term.name) > 0;
    if (given && (of_gate || of_several)) {
      throw UsageError(fmt::format("{} {}, and --model {} has none; leave it out, or try --model mixture",
                                   term.option(), of_gate ? "acts on a gate" : "compares several experts",
                                   config.model().model));
    }
    if (term.distances) with_distances.push_back(term.option());
    distances_read = distances_read || (term.distances && given);
  }
  if (config.distance != "pixels" && !distances_read) {
    throw UsageError(fmt::format("--distance is read by regularizers that compare samples; give {}",
                                 fmt::join(with_distances, " or ")));
  }
}

std::vector<std::string> idle_options(const TrainConfig& config, const moe::Recipe& recipe) {
  const TrainConfig usual;
  const moe::Method &method = config.method, &usual_method = usual.method;
  const moe::ModelOptions& model = method.model;
  std::vector<std::string> idle;
  const auto note = [&](bool read, const char* option, const auto& value, const auto& default_value,
                        const std::string& reader) {
    if (!read && value != default_value) idle.push_back(fmt::format("{} {} (read by {})", option, value, reader));
  };
  const bool em = std::ranges::any_of(recipe.stages, [](const moe::Stage& s) { return s.e_step != moe::EStep::none; });
  note(moe::models().at(model.model).chooses_k, "--k", model.k, usual.model().k, "--model top-k");
  note(model.gate == moe::GateKind::attentive, "--expert-hidden", name_of(model.hidden), name_of(usual.model().hidden),
       "--gate attentive");
  note(method.temperatures.decay > 0, "--temperature-decay-start", method.temperatures.decay_start,
       usual_method.temperatures.decay_start, "--temperature-decay");
  note(em, "--e-step", name_of(method.e_step), name_of(usual_method.e_step), "--recipe em");
  note(em, "--e-step-every", method.e_step_every, usual_method.e_step_every, "--recipe em");
  std::vector<std::string> with_momentum;
  for (const moe::OptimizerKind& kind : moe::optimizers()) {
    if (kind.momentum) with_momentum.push_back(kind.name);
  }
  note(moe::optimizers().at(method.optimizer.name).momentum, "--momentum", method.optimizer.momentum,
       usual_method.optimizer.momentum, fmt::format("--optimizer {}", fmt::join(with_momentum, " and ")));
  note(recipe.stages.size() > 1, "--first-epochs", method.first_epochs, method.epochs, "recipes of several stages");
  return idle;
}

}  // namespace divvy::app
