#pragma once

#include <vector>

#include "apps/run/sweep_plan.h"

/// What the folder of a sweep has of its runs. Beside the folder of each, seed-N, lie its output, seed-N.log, and the
/// settings that it was started with, seed-N.toml.
namespace divvy::app {

/// Whether a run has its results.
bool is_done(const SweepRun& run);

/// The runs that are still to be trained. Removes the folders of those that were interrupted, and writes the settings
/// of all that are pending. Throws UsageError for arguments that `divvy train` would refuse, and CheckpointError,
/// before anything is removed, for a run that goes on in another process or was started with other settings, and for a
/// folder in the way that is none of a run.
std::vector<const SweepRun*> pending_runs(const std::vector<SweepRun>& runs);

}  // namespace divvy::app
