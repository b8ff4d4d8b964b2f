#pragma once

#include <string>

#include "apps/run/sweep_plan.h"
#include "apps/settings/options.h"

/// The commands. Each prints its results to stdout and messages to stderr and returns an exit status of
/// apps/exit_code.h. Errors of the library propagate to main().
namespace divvy::app {

int train_command(TrainConfig config);
int eval_command(const EvalConfig& config);
/// Trains every experiment of a sweep with every seed, each in its own process, and summarizes the results.
int sweep_command(const SweepConfig& config);
int data_command(const DataConfig& config);
int doctor_command(const DataConfig& config);

/// A bash completion script for the commands and options of `app`.
std::string bash_completion(const CLI::App& app);

}  // namespace divvy::app
