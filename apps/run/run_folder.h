#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "nn/module.h"
#include "tensor/file_lock.h"

namespace divvy::app {

/// The folder of one run, which is never overwritten:
///
///     config.toml env.json metrics.csv metrics.jsonl summary.json output.log routing.safetensors
///     {picture,regions,regression,confusion,usage,curves}.svg, as far as they suit the data
///     checkpoints/{last,best}/{weights.safetensors,state.json}
class RunFolder {
 public:
  /// Makes the folder; of several processes that make the same one, one gets it. Throws CheckpointError if it exists or
  /// cannot be made.
  static RunFolder create(const std::filesystem::path& path);
  /// Makes runs/YYYYMMDD_HHMMSS-name, with a counter if that exists. Throws UsageError as require_folder_name().
  static RunFolder create_default(const std::string& name);
  /// Whether a process holds the RunFolder of a path.
  static bool in_use(const std::filesystem::path& path);
  /// Whether a folder has nothing but what create() makes, as after a process that was killed before its first file.
  static bool is_unfilled(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }

  /// Writes a file atomically. Throws CheckpointError if that fails.
  void write_text(const std::string& name, const std::string& text) const;
  void write_json(const std::string& name, const nlohmann::ordered_json& json) const {
    write_text(name, json.dump(2) + "\n");
  }
  /// Appends a row to metrics.csv and metrics.jsonl; the keys of the first row are the columns, and every row must have
  /// the same keys. Arrays are written only to metrics.jsonl.
  void append_metrics(const nlohmann::ordered_json& row);
  /// Appends a line to output.log.
  void log(const std::string& line);
  /// Writes checkpoints/<name>/ with the weights and the state of the run.
  void save_checkpoint(const std::string& name, const nn::Module& module, const nlohmann::ordered_json& state) const;

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  /// Nothing if the folder exists.
  static std::optional<RunFolder> try_create(const std::filesystem::path& path);

  std::filesystem::path path_;
  std::optional<FileLock> lock_;  ///< that of output.log
  std::ofstream csv_, jsonl_, log_;
};

/// Throws UsageError, which begins with `what`, for a name that is no single folder: empty, "..", with a "/", control
/// characters or bytes that are no UTF-8, or longer than 200 bytes.
void require_folder_name(const std::string& what, const std::string& name);

/// The text of a file of a run folder. Throws CheckpointError if it cannot be read.
std::string read_run_file(const std::filesystem::path& path);

/// The JSON object of a file of a run folder. Throws CheckpointError if it cannot be read, is no object, or is nested
/// more deeply than anything that is written there.
nlohmann::ordered_json read_run_json(const std::filesystem::path& path);

/// Build, machine and libraries, as in env.json.
nlohmann::ordered_json environment();

}  // namespace divvy::app
