#include "apps/run/sweep_plan.h"

#include <algorithm>
#include <set>

#include "apps/run/run_folder.h"
#include "apps/settings/options.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

constexpr size_t kMostRuns = 100'000;

using Setting = std::pair<std::string, std::string>;

Setting key_and_value(const char* option, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw UsageError(fmt::format("{} takes key=value, got '{}'", option, text));
  }
  const std::string key = text.substr(0, equals);
  for (const char* own : {"seed", "run-dir", "config", "threads", "quiet", "name"}) {
    if (key == own) throw UsageError(fmt::format("{}: '{}' is set by the sweep itself", option, key));
  }
  return {key, text.substr(equals + 1)};
}

/// Every combination of the grid's values, the last key changing fastest.
std::vector<std::vector<Setting>> combinations(const std::vector<std::string>& grid) {
  std::vector<std::vector<Setting>> result(1);
  std::set<std::string> keys;
  for (const std::string& text : grid) {
    const auto [key, values] = key_and_value("--grid", text);
    if (!keys.insert(key).second) throw UsageError(fmt::format("--grid: '{}' comes twice", key));
    std::vector<std::vector<Setting>> longer;
    for (const auto& combination : result) {
      size_t begin = 0;
      while (begin <= values.size()) {
        const size_t end = std::min(values.find(',', begin), values.size());
        longer.push_back(combination);
        longer.back().emplace_back(key, values.substr(begin, end - begin));
        begin = end + 1;
      }
    }
    result = std::move(longer);
    if (result.size() > kMostRuns) throw UsageError(fmt::format("--grid: more than {} combinations", kMostRuns));
  }
  return result;
}

/// The text with the characters replaced that do not belong in a folder name.
std::string as_file_name(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '/' || c == ' ' || c == '|' || c == '\\'; }, '_');
  return text;
}

/// The name of a file's experiment, which is that of a folder.
std::string experiment_of(const std::string& file) {
  if (file.empty()) return "run";
  const std::string name = std::filesystem::path(file).stem().string();
  require_folder_name(fmt::format("the experiment {}", printable(file, 80)), name);
  return name;
}

}  // namespace

std::string SweepRun::title() const {
  std::string text = experiment;
  for (const auto& [key, value] : grid) text += fmt::format(", {}={}", key, value);
  return text + fmt::format(", seed {}", seed);
}

std::vector<SweepRun> plan_sweep(const SweepConfig& config) {
  std::vector<Setting> fixed;
  for (const std::string& text : config.settings) fixed.push_back(key_and_value("--set", text));
  const auto grid = combinations(config.grid);
  std::vector<std::string> files = config.experiments;
  if (files.empty()) files.emplace_back();
  std::set<std::string> names;
  for (const std::string& file : files) {
    const std::string name = experiment_of(file);
    if (!names.insert(name).second) throw UsageError(fmt::format("two experiments are called '{}'", name));
  }
  if (static_cast<size_t>(config.seeds) > kMostRuns / (grid.size() * files.size())) {
    throw UsageError(fmt::format("the sweep has more than {} runs; give fewer --seeds or values", kMostRuns));
  }
  std::set<std::filesystem::path> folders;
  std::vector<SweepRun> runs;
  for (int64_t s = 0; s < config.seeds; ++s) {
    for (const std::string& file : files) {
      for (const auto& combination : grid) {
        SweepRun run;
        run.experiment = experiment_of(file);
        run.grid = {combination.begin(), combination.end()};
        run.seed = config.first_seed + s;
        std::string folder = run.experiment;
        if (!file.empty()) run.arguments = {"--config", file};
        if (!config.data_dir.empty()) run.arguments.insert(run.arguments.end(), {"--data-dir", config.data_dir});
        for (const auto& [key, value] : fixed) run.arguments.push_back(fmt::format("--{}={}", key, value));
        for (const auto& [key, value] : combination) {
          run.arguments.push_back(fmt::format("--{}={}", key, value));
          folder += fmt::format(",{}={}", key, as_file_name(value));
        }
        require_folder_name("--grid", folder);
        run.folder = std::filesystem::path(config.out) / folder / fmt::format("seed-{}", run.seed);
        run.arguments.insert(run.arguments.end(),
                             {fmt::format("--seed={}", run.seed), "--run-dir", run.folder.string(), "--quiet"});
        if (!folders.insert(run.folder).second) {
          throw UsageError(
              fmt::format("--grid: two runs would have the folder {}", printable(run.folder.string(), 200)));
        }
        runs.push_back(std::move(run));
      }
    }
  }
  return runs;
}

}  // namespace divvy::app
