#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "moe/analysis/statistics.h"

namespace divvy::app {

/// Draws a sweep into its folder: boxes.svg has the figures of each group of runs over its seeds, scatter.svg each run
/// with its test error and how much its experts tell of the labels. `names` are those of the groups, whose rows are of
/// `runs`. A chart is left out where no run has its figures.
void draw_sweep(const std::vector<std::string>& names, const std::vector<moe::RunGroup>& groups,
                const std::vector<moe::RunRow>& runs, const std::filesystem::path& folder);

}  // namespace divvy::app
