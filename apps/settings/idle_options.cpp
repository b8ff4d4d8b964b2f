#include "apps/settings/idle_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "moe/model/models.h"
#include "moe/training/recipe.h"

namespace divvy::app {

namespace {

/// A quirk of some runs only.
struct QuirkReader {
  moe::Quirk quirk;
  bool (*reads)(const TrainConfig& config);
  const char* reader;
};

bool has(const TrainConfig& config, moe::Quirk quirk) { return moe::Quirks::parse(config.quirks).has(quirk); }

const QuirkReader kQuirkReaders[] = {
    {moe::Quirk::double_softmax,
     [](const TrainConfig& c) {
       return c.model == "mixture" || c.model == "top-1" || (c.model == "top-k" && c.k == 1);
     },
     "--model mixture and top-1"},
    {moe::Quirk::square_root_likelihood, [](const TrainConfig& c) { return c.loss == "likelihood"; },
     "--loss likelihood"},
    {moe::Quirk::similarity_bracket, [](const TrainConfig& c) { return c.similarity_same > 0; }, "--similarity-same"},
    {moe::Quirk::zero_gate, [](const TrainConfig& c) { return moe::find_model(c.model).gated; }, "models with a gate"},
    {moe::Quirk::oracle_validation, [](const TrainConfig& c) { return c.model == "no-gate-self-information"; },
     "--model no-gate-self-information"},
    {moe::Quirk::noise_in_evaluation, [](const TrainConfig& c) { return has(c, moe::Quirk::oracle_validation); },
     "--quirks oracle-validation"},
    {moe::Quirk::scrambled_em, [](const TrainConfig& c) { return c.recipe == "em"; }, "--recipe em"},
    {moe::Quirk::em_gate_sign, [](const TrainConfig& c) { return c.recipe == "em"; }, "--recipe em of a regression"},
    {moe::Quirk::augmented_validation, [](const TrainConfig& c) { return c.augment == "true"; }, "--augment"}};

std::string_view name_of(moe::Quirk quirk) {
  return std::ranges::find(moe::quirk_table(), quirk, &moe::QuirkEntry::quirk)->name;
}

}  // namespace

void refuse_idle_terms(const TrainConfig& config) {
  const moe::ModelKind& kind = moe::find_model(config.model);
  const auto refuse = [&](double weight, const char* option, const char* what) {
    if (weight > 0) {
      throw UsageError(fmt::format("{} {}, and --model {} has none; leave it out, or try --model mixture", option, what,
                                   config.model));
    }
  };
  if (!kind.gated) {
    refuse(config.importance, "--importance", "balances the experts of a gate");
    refuse(config.similarity_same, "--similarity-same", "divides the samples by a gate");
    refuse(config.similarity_different, "--similarity-different", "divides the samples by a gate");
    refuse(config.ideal_gate, "--ideal-gate", "corrects a gate");
    refuse(config.gate_regression, "--gate-regression", "trains a gate");
  }
  if (config.model == "single") refuse(config.orthogonality, "--orthogonality", "compares several experts");
  const bool similarity = config.similarity_same > 0 || config.similarity_different > 0;
  if (config.distance != "pixels" && !similarity) {
    throw UsageError("--distance is read by sample similarity; give --similarity-same or --similarity-different");
  }
}

std::vector<std::string> idle_options(const TrainConfig& config, const moe::Recipe& recipe) {
  const TrainConfig usual;
  const moe::Quirks quirks = moe::Quirks::parse(config.quirks);
  std::vector<std::string> idle;
  const auto note = [&](bool read, const char* option, const auto& value, const auto& default_value,
                        const char* reader) {
    if (!read && value != default_value) idle.push_back(fmt::format("{} {} (read by {})", option, value, reader));
  };
  const bool momentum = config.optimizer == "rmsprop" || config.optimizer == "sgd";
  const bool em = config.recipe == "em";
  note(config.model == "top-k", "--k", config.k, usual.k, "--model top-k");
  note(config.gate == "attentive", "--expert-hidden", config.expert_hidden, usual.expert_hidden, "--gate attentive");
  note(config.temperature_decay > 0, "--temperature-decay-start", config.temperature_decay_start,
       usual.temperature_decay_start, "--temperature-decay");
  note(em, "--e-step", config.e_step, usual.e_step, "--recipe em");
  note(em, "--e-step-every", config.e_step_every, usual.e_step_every, "--recipe em");
  note(momentum, "--momentum", config.momentum, usual.momentum, "--optimizer rmsprop and sgd");
  for (const QuirkReader& reader : kQuirkReaders) {
    if (quirks.has(reader.quirk) && !reader.reads(config)) {
      idle.push_back(fmt::format("--quirks {} (read by {})", name_of(reader.quirk), reader.reader));
    }
  }
  note(recipe.stages.size() > 1, "--first-epochs", config.first_epochs, config.epochs, "recipes of several stages");
  return idle;
}

}  // namespace divvy::app
