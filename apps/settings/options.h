#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/precision.h"
#include "moe/reproduction/quirks.h"
#include "moe/training/recipe.h"
#include "tensor/choices.h"
#include "tensor/device.h"
#include "tensor/error.h"

namespace divvy::app {

/// A command line or a configuration file that cannot be; exit status 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// The most bytes of an argument, and of a line of a configuration file.
inline constexpr size_t kMostSettingBytes = 16 << 10;

/// How pixels are brought to a common range.
enum class Normalize { own, half };
inline constexpr Choice<Normalize> kNormalizes[] = {{Normalize::own, "own"}, {Normalize::half, "half"}};
constexpr std::span<const Choice<Normalize>> choices(Normalize) { return kNormalizes; }

/// Whether steps are recorded and replayed on a GPU.
enum class CudaGraph { automatic, on, off };
inline constexpr Choice<CudaGraph> kCudaGraphs[] = {
    {CudaGraph::automatic, "auto"}, {CudaGraph::on, "on"}, {CudaGraph::off, "off"}};
constexpr std::span<const Choice<CudaGraph>> choices(CudaGraph) { return kCudaGraphs; }

/// Everything that can be set for a training run. What depends on data or on other settings is filled in by
/// make_plan(): names that are empty, numbers that are 0, and those parts of the method that follow from the data.
struct TrainConfig {
  std::string data = "glyphs", data_dir;
  int64_t train_limit = 0;  ///< 0: the whole training part
  Normalize normalize = Normalize::own;
  std::optional<bool> augment;

  /// Model, objective, optimizer, temperatures and lengths of the stages. Its objective has the regularizers alone,
  /// each of the registry with its weight.
  moe::Method method = usual_method();
  std::string class_lists;          ///< as parse_class_lists() reads it
  std::string loss, recipe;         ///< by name
  std::string distance = "pixels";  ///< or a run folder
  moe::Quirks quirks;

  int64_t batch = 0;
  uint64_t seed = 42;
  int threads = 0;
  Device device;
  Precision precision = Precision::f32;
  CudaGraph cuda_graph = CudaGraph::automatic;
  std::string run_dir, name;
  bool quiet = false, list = false, dry_run = false, fast_dev_run = false;

  const moe::ModelOptions& model() const { return method.model; }
  static moe::Method usual_method();
};

struct EvalConfig {
  std::string run, checkpoint = "last", data_dir;
  std::string compare;  ///< another run folder, whose division of the test part is compared
  int64_t batch = 512;
  double temperature = 0;  ///< of the gate's softmax; 0: the one at which the gate learned last
  int threads = 0;
  Device device;
  Precision precision = Precision::f32;
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
CLI::Option* device_option(CLI::App& command, Device& device);
CLI::Option* precision_option(CLI::App& command, Precision& precision);
/// Throws UsageError where the device of --device is not there, or has not the precision of --precision.
void require_hardware(Device device, Precision precision);

/// The long names ("--epochs") of a command's options.
std::vector<std::string> option_names(const CLI::App& command);

/// Whether the option with this long name ("dry-run") is about one call of the program and no setting of a run.
bool belongs_to_one_call(const std::string& key);

/// Reads `--config FILE` (TOML: key = value, the keys are the long names of the options) where it is among the
/// arguments and puts the file's settings before them, so that flags given by hand win; a setting whose environment
/// variable is set is left out, since the environment wins too. `extends = "base.toml"` reads another file first, whose
/// path is relative to the file that names it and which may extend a third; the keys of the file that extends win.
/// Throws UsageError for unknown keys, with the nearest known one, for files that extend each other in a circle, and
/// for what is no regular file, longer than 1 MiB, or more than 64 files in all.
std::vector<std::string> with_config_file(const CLI::App& command, std::vector<std::string> arguments);

/// Throws UsageError for an argument that looks like a long option and is none of the command's, with the nearest one.
void refuse_unknown_options(const CLI::App& command, const std::vector<std::string>& arguments);

/// The settings of the arguments of `divvy train`. Throws UsageError.
TrainConfig train_config(std::vector<std::string> arguments);

/// All settings of a run as TOML that --config reads back.
std::string to_toml(const TrainConfig& config);

}  // namespace divvy::app
