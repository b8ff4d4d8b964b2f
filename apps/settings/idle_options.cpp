#include "apps/settings/idle_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "moe/model/models.h"
#include "moe/training/recipe.h"

namespace divvy::app {

void refuse_idle_terms(const TrainConfig& config) {
  const moe::ModelKind& kind = moe::find_model(config.model);
  std::vector<std::string> with_distances;
  bool distances_read = false;
  for (const moe::RegularizerKind& term : moe::regularizers()) {
    const bool of_gate = term.of == moe::RegularizerKind::Of::gate && !kind.gated;
    const bool of_several = term.of == moe::RegularizerKind::Of::experts && kind.single;
    const bool given = config.weight(term.name) > 0;
    if (given && (of_gate || of_several)) {
      throw UsageError(fmt::format("{} {}, and --model {} has none; leave it out, or try --model mixture",
                                   term.option(), of_gate ? "acts on a gate" : "compares several experts",
                                   config.model));
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
  std::vector<std::string> idle;
  const auto note = [&](bool read, const char* option, const auto& value, const auto& default_value,
                        const char* reader) {
    if (!read && value != default_value) idle.push_back(fmt::format("{} {} (read by {})", option, value, reader));
  };
  const bool momentum = config.optimizer == "rmsprop" || config.optimizer == "sgd";
  const bool em = std::ranges::any_of(recipe.stages, [](const moe::Stage& s) { return s.e_step != moe::EStep::none; });
  note(moe::find_model(config.model).chooses_k, "--k", config.k, usual.k, "--model top-k");
  note(config.gate == "attentive", "--expert-hidden", config.expert_hidden, usual.expert_hidden, "--gate attentive");
  note(config.temperature_decay > 0, "--temperature-decay-start", config.temperature_decay_start,
       usual.temperature_decay_start, "--temperature-decay");
  note(em, "--e-step", config.e_step, usual.e_step, "--recipe em");
  note(em, "--e-step-every", config.e_step_every, usual.e_step_every, "--recipe em");
  note(momentum, "--momentum", config.momentum, usual.momentum, "--optimizer rmsprop and sgd");
  note(recipe.stages.size() > 1, "--first-epochs", config.first_epochs, config.epochs, "recipes of several stages");
  return idle;
}

}  // namespace divvy::app
