#pragma once

#include <string>
#include <vector>

#include "apps/settings/options.h"
#include "moe/training/recipe.h"

/// Settings that nothing of a run reads.
namespace divvy::app {

/// Throws UsageError for the weight of a term that has nothing to act on, with what would have it: the loss would not
/// be the one that was asked for.
void refuse_idle_terms(const TrainConfig& config);

/// The other settings that were given and change nothing, each with what reads it: "--k 4 (read by --model top-k)". A
/// setting that is the default is not among them. For a config that make_plan() has completed.
std::vector<std::string> idle_options(const TrainConfig& config, const moe::Recipe& recipe);

}  // namespace divvy::app
