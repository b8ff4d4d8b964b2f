#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tensor/error.h"

namespace divvy::app {

/// A command line or a configuration file that cannot be; exit status 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Everything that can be set for a training run.
struct TrainConfig {
  std::string data = "glyphs", data_dir;
  std::string model = "mixture", network;
  int64_t experts = 10, k = 2;
  double temperature = 1, importance = 0;
  int64_t epochs = 20, batch = 0;  ///< batch 0: what suits the size of the data
  std::string optimizer = "adamw";
  double learning_rate = 1e-3, weight_decay = 1e-3, momentum = 0.9, clip_norm = 0;
  uint64_t seed = 42;
  int threads = 0;
  std::string run_dir, name;
  bool quiet = false, dry_run = false, fast_dev_run = false;
};

struct EvalConfig {
  std::string run, checkpoint = "last", data_dir;
  int64_t batch = 512;
  int threads = 0;
};

struct DataConfig {
  std::string data_dir;
  std::vector<std::string> names;  ///< sets to read and check; none: all are listed
};

void add_train_options(CLI::App& command, TrainConfig& config);
void add_eval_options(CLI::App& command, EvalConfig& config);
/// `with_names`: the command takes names of data sets, too.
void add_data_options(CLI::App& command, DataConfig& config, bool with_names);

/// The long names ("--epochs") of a command's options.
std::vector<std::string> option_names(const CLI::App& command);

/// Reads `--config FILE` (TOML: key = value, the keys are the long names of the options) where it is among the
/// arguments and puts the file's settings before them, so that flags given by hand win; a setting whose environment
/// variable is set is left out, since the environment wins too. Throws UsageError for unknown keys, with the nearest
/// known one.
std::vector<std::string> with_config_file(const CLI::App& command, std::vector<std::string> arguments);

/// Throws UsageError for an argument that looks like a long option and is none of the command's, with the nearest one.
void refuse_unknown_options(const CLI::App& command, const std::vector<std::string>& arguments);

/// All settings of a parsed command as TOML that --config reads back; `settled` replaces the values of options whose
/// default depends on the data.
std::string to_toml(const CLI::App& command, const std::map<std::string, std::string>& settled = {});

}  // namespace divvy::app
