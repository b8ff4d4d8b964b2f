#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "moe/analysis/statistics.h"

namespace divvy::app {

/// Draws a sweep into its folder: boxes.svg has the metrics of each group of runs over its seeds, scatter.svg the test
/// error of each run against the mutual information of expert and label. `names` are those of the groups, whose rows
/// are indices of `runs`. A chart is left out if no run has its metrics.
void draw_sweep(const std::vector<std::string>& names, const std::vector<moe::RunGroup>& groups,
                const std::vector<moe::RunRow>& runs, const std::filesystem::path& folder);

}  // namespace divvy::app
