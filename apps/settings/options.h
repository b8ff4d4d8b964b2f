#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tensor/device.h"
#include "tensor/error.h"

namespace divvy::app {

/// A command line or a configuration file that cannot be; exit status 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Everything that can be set for a training run; the members stand in the order of the options. What is empty or 0 and
/// has a default that depends on the rest is filled in by make_plan().
struct TrainConfig {
  std::string data = "glyphs", data_dir;
  int64_t train_limit = 0;  ///< 0: the whole training part
  std::string normalize = "own";
  std::string augment;  ///< "true" or "false"

  std::string model = "mixture", gate = "plain", gate_output = "softmax", expert_output = "softmax", output = "usual";
  std::string expert_hidden = "post-relu", network;
  int64_t experts = 10, k = 2;
  std::string class_lists;
  bool class_mask = false, separate_experts = false;
  std::string temperature = "1";  ///< a number, or a schedule: "10x25,1x25"
  double temperature_decay = 0;
  int64_t temperature_decay_start = 0;

  std::string loss;
  std::map<std::string, double> regularizers;  ///< their weights, by the names of moe::regularizers()
  std::string distance = "pixels";

  std::string recipe;
  int64_t epochs = 20, first_epochs = 0;
  std::string e_step = "soft";
  int64_t e_step_every = 1;
  int64_t batch = 0;
  std::string optimizer = "adamw";
  double learning_rate = 1e-3;
  std::string expert_learning_rates;  ///< "0.01,0.0001"
  double weight_decay = 1e-3, momentum = 0.9, clip_norm = 0;
  bool skip_idle_experts = false;
  std::string quirks = "none";

  uint64_t seed = 42;
  int threads = 0;
  std::string device = "cpu", precision = "f32", cuda_graph = "auto";
  std::string run_dir, name;
  bool quiet = false, list = false, dry_run = false, fast_dev_run = false;

  /// Of a regularizer; 0 where it is not given.
  double weight(const std::string& regularizer) const;
};

struct EvalConfig {
  std::string run, checkpoint = "last", data_dir;
  std::string compare;  ///< another run folder, whose division of the test part is compared
  int64_t batch = 512;
  double temperature = 0;  ///< of the gate's softmax; 0: the one at which the gate learned last
  int threads = 0;
  std::string device = "cpu", precision = "f32";
};

struct DataConfig {
  std::string data_dir;
  std::vector<std::string> names;  ///< sets to read and check; none: all are listed
};

/// The default of each option is what the config has when it is added.
void add_train_options(CLI::App& command, TrainConfig& config);
void add_eval_options(CLI::App& command, EvalConfig& config);
/// `with_names`: the command takes names of data sets, too.
void add_data_options(CLI::App& command, DataConfig& config, bool with_names);

/// Options that more than one command has.
CLI::Option* data_dir_option(CLI::App& command, std::string& data_dir);
CLI::Option* threads_option(CLI::App& command, int& threads);
CLI::Option* device_option(CLI::App& command, std::string& device);
CLI::Option* precision_option(CLI::App& command, std::string& precision);
/// The device that --device names, which must be there. Throws UsageError.
Device chosen_device(const std::string& text);
/// Lets products be in the precision that --precision names, which the device must have. Throws UsageError.
void use_precision(const std::string& text, Device device);

/// The long names ("--epochs") of a command's options.
std::vector<std::string> option_names(const CLI::App& command);

/// Whether the option with this long name ("dry-run") is about one call of the program and no setting of a run.
bool belongs_to_one_call(const std::string& key);

/// Reads `--config FILE` (TOML: key = value, the keys are the long names of the options) where it is among the
/// arguments and puts the file's settings before them, so that flags given by hand win; a setting whose environment
/// variable is set is left out, since the environment wins too. `extends = "base.toml"` reads another file first, whose
/// path is relative to the file that names it and which may extend a third; the keys of the file that extends win.
/// Throws UsageError for unknown keys, with the nearest known one, and for files that extend each other in a circle.
std::vector<std::string> with_config_file(const CLI::App& command, std::vector<std::string> arguments);

/// Throws UsageError for an argument that looks like a long option and is none of the command's, with the nearest one.
void refuse_unknown_options(const CLI::App& command, const std::vector<std::string>& arguments);

/// All settings of a run as TOML that --config reads back.
std::string to_toml(const TrainConfig& config);

}  // namespace divvy::app
