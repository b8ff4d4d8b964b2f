#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "apps/settings/options.h"
#include "apps/settings/toml.h"
#include "tensor/file.h"
#include "tensor/suggest.h"

namespace divvy::app {

namespace {

namespace fs = std::filesystem;

constexpr const char* kExtends = "extends";

std::string config_path(const std::vector<std::string>& arguments) {
  std::string path;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--config" && i + 1 < arguments.size()) path = arguments[i + 1];
    if (arguments[i].starts_with("--config=")) path = arguments[i].substr(9);
  }
  return path;
}

/// Files as arguments of one command. The chain of files that led to the one being read tells where an error is, and
/// ends a circle.
class ConfigReader {
 public:
  explicit ConfigReader(const CLI::App& command) : command_(command), known_(option_names(command)) {
    known_.push_back(fmt::format("--{}", kExtends));
  }

  /// What the file extends comes first, so that the later settings of the file itself win.
  void read(const fs::path& path) {
    constexpr int kMostFiles = 64;
    const bool circle = std::ranges::any_of(chain_, [&](const fs::path& file) {
      std::error_code none;
      return fs::equivalent(file, path, none);
    });
    chain_.push_back(path);
    if (circle) refuse("the files extend each other in a circle");
    if (++files_ > kMostFiles) refuse("more than {} files extend each other", kMostFiles);
    const auto settings = parse(path);
    for (const auto& [key, value] : settings) check(key);
    for (const auto& [key, value] : settings) {
      if (key == kExtends) read(path.parent_path() / value);
    }
    for (const auto& [key, value] : settings) {
      if (key != kExtends) add(key, value);
    }
    chain_.pop_back();
  }

  std::vector<std::string> arguments;

 private:
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... values) const {
    std::vector<std::string> files;
    for (const fs::path& file : chain_) files.push_back(file.string());
    throw UsageError(
        fmt::format("--config {}: {}", fmt::join(files, " -> "), fmt::format(text, std::forward<Args>(values)...)));
  }

  std::vector<std::pair<std::string, std::string>> parse(const fs::path& path) const {
    constexpr int64_t kMostBytes = 1 << 20;
    try {
      return parse_toml(read_file(path, FileKind::checkpoint, kMostBytes));
    } catch (const CheckpointError& error) {
      refuse("{}", error.what());
    } catch (const UsageError& error) {
      refuse("{}", error.what());
    }
  }

  void check(const std::string& key) const {
    const std::string flag = fmt::format("--{}", key);
    if (std::ranges::find(known_, flag) == known_.end() || belongs_to_one_call(key)) {
      const std::string near = nearest(flag, known_);
      refuse("unknown key '{}'{}", key, near.empty() ? "" : fmt::format("; did you mean '{}'?", near.substr(2)));
    }
  }

  void add(const std::string& key, const std::string& value) {
    const std::string flag = fmt::format("--{}", key);
    const std::string variable = command_.get_option(flag)->get_envname();
    const char* environment = variable.empty() ? nullptr : std::getenv(variable.c_str());
    if (environment != nullptr && *environment != '\0') return;
    std::erase_if(arguments, [&](const std::string& before) { return before.starts_with(flag + "="); });
    arguments.push_back(fmt::format("{}={}", flag, value));
  }

  const CLI::App& command_;
  std::vector<std::string> known_;
  std::vector<fs::path> chain_;
  int files_ = 0;  ///< read so far
};

}  // namespace

std::vector<std::string> with_config_file(const CLI::App& command, std::vector<std::string> arguments) {
  const std::string path = config_path(arguments);
  if (path.empty()) return arguments;
  ConfigReader reader(command);
  reader.read(path);
  reader.arguments.insert(reader.arguments.end(), arguments.begin(), arguments.end());
  return std::move(reader.arguments);
}

}  // namespace divvy::app
