#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace divvy::app {

/// The options of `divvy sweep`.
struct SweepConfig {
  std::vector<std::string> experiments;  ///< configuration files; if none, one experiment from the settings
  std::vector<std::string> settings;     ///< "key=value", for every run
  std::vector<std::string> grid;         ///< "key=v1,v2,...": all combinations are run
  int64_t seeds = 3, first_seed = 1;
  int jobs = 0;  ///< number of concurrent runs; 0: one for each core
  std::string out = "sweep", data_dir;
  bool best_of_seeds = false, quiet = false;
};

void add_sweep_options(CLI::App& command, SweepConfig& config);

/// One training run of a sweep.
struct SweepRun {
  std::string experiment;                   ///< the file's name without extension, or "run" without a file
  std::map<std::string, std::string> grid;  ///< its point in the grid
  int64_t seed = 0;
  std::filesystem::path folder;        ///< experiment[,key=value...]/seed-N below the sweep's folder
  std::vector<std::string> arguments;  ///< those of `divvy train`

  /// "attention, importance=0.2, seed 3".
  std::string title() const;
};

/// All runs in an order that gives a first result of every experiment early: the seed changes slowest. Throws
/// UsageError for settings that are not "key=value", a duplicate grid key, two experiments of one name, a key that the
/// sweep sets itself, or names and values that make no folder of their own.
std::vector<SweepRun> plan_sweep(const SweepConfig& config);

}  // namespace divvy::app
