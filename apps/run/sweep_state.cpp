#include "apps/run/sweep_state.h"

#include <map>

#include "apps/run/run_config.h"
#include "apps/run/run_folder.h"
#include "apps/settings/options.h"
#include "apps/settings/toml.h"
#include "tensor/file.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

namespace fs = std::filesystem;

using Settings = std::map<std::string, std::string>;

bool is_there(const fs::path& path) {
  std::error_code error;
  const bool found = fs::exists(path, error);
  if (error) fail<CheckpointError>("{}: cannot be looked at: {}", path.string(), error.message());
  return found;
}

Settings values_of(const std::string& toml) {
  const auto settings = parse_toml(toml);
  return {settings.begin(), settings.end()};
}

fs::path settings_file(const SweepRun& run) { return run.folder.string() + ".toml"; }

/// The first setting in which a run differs from what is wanted now, as "epochs is 1 there and 3 now"; else "".
std::string difference(const SweepRun& run, const Settings& wanted) {
  // A run of an earlier version has only its completed settings, among them those that were given.
  const bool complete = is_there(settings_file(run));
  const Settings had = values_of(read_config(complete ? settings_file(run) : run.folder / "config.toml"));
  Settings all = wanted;
  if (complete) all.insert(had.begin(), had.end());
  for (const auto& [key, value] : all) {
    if (key == "threads" || key == "data-dir") continue;  // the results do not depend on them
    const auto of = [&](const Settings& settings) {
      const auto found = settings.find(key);
      return found == settings.end() ? "not set" : found->second;
    };
    if (of(had) == of(wanted)) continue;
    return fmt::format("{} is {} there and {} now", key, printable(of(had), 80), printable(of(wanted), 80));
  }
  return "";
}

/// Throws for a folder that is not one of this run.
void require_own(const SweepRun& run, const Settings& wanted) {
  if (!is_there(run.folder)) return;
  const std::string folder = run.folder.string();
  if (RunFolder::in_use(run.folder)) {
    fail<CheckpointError>("{}: a training is running in this folder; wait for it, or choose another --out", folder);
  }
  if (!is_there(run.folder / "config.toml")) {
    if (RunFolder::is_unfilled(run.folder)) return;
    fail<CheckpointError>("{} is in the way and is no run folder", folder);
  }
  if (const std::string other = difference(run, wanted); !other.empty()) {
    fail<CheckpointError>("{}: was started with other settings: {}; choose another --out, or remove that folder",
                          folder, other);
  }
}

}  // namespace

bool is_done(const SweepRun& run) { return is_there(run.folder / "summary.json"); }

std::vector<const SweepRun*> pending_runs(const std::vector<SweepRun>& runs) {
  std::vector<std::string> settings;
  for (const SweepRun& run : runs) {
    settings.push_back(to_toml(train_config(run.arguments)));
    require_own(run, values_of(settings.back()));
  }
  std::vector<const SweepRun*> pending;
  for (size_t i = 0; i < runs.size(); ++i) {
    const SweepRun& run = runs[i];
    if (is_done(run)) continue;
    std::error_code error;
    fs::remove_all(run.folder, error);
    if (!error) fs::create_directories(run.folder.parent_path(), error);
    if (error) fail<CheckpointError>("{}: cannot be made: {}", run.folder.string(), error.message());
    atomic_write(settings_file(run), FileKind::checkpoint, with_checksum(settings[i]));
    pending.push_back(&run);
  }
  return pending;
}

}  // namespace divvy::app
