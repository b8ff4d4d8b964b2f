#pragma once

#include "apps/run/reference_table.h"
#include "apps/run/sweep_plan.h"

namespace divvy::app {

/// A run that is done as a row of the published tables, from its config.toml and summary.json. Throws CheckpointError
/// where they cannot be read or lack a number, as those of a regression do.
ReferenceRow reference_row(const SweepRun& run);

}  // namespace divvy::app
