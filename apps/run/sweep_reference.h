#pragma once

#include "apps/run/reference_table.h"
#include "apps/run/sweep_plan.h"

namespace divvy::app {

/// A finished run as a row of the published tables, from its config.toml and summary.json. The figures are of the test
/// part; for a gate that selects one expert (arg-max, sampled, top-1, loss gate) they are those of its selections.
/// Throws CheckpointError if the files cannot be read or lack a number, as those of a regression do.
ReferenceRow reference_row(const SweepRun& run);

}  // namespace divvy::app
