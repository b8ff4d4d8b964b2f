#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "apps/settings/options.h"
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
    const bool circle = std::ranges::any_of(chain_, [&](const fs::path& file) {
      std::error_code none;
      return fs::equivalent(file, path, none);
    });
    chain_.push_back(path);
    if (circle) refuse("the files extend each other in a circle");
    const std::vector<CLI::ConfigItem> items = parse(path);
    for (const CLI::ConfigItem& item : items) check(item);
    const auto extends = [](const CLI::ConfigItem& item) { return item.name == kExtends; };
    for (const CLI::ConfigItem& item : items) {
      if (extends(item)) read(path.parent_path() / item.inputs.front());
    }
    for (const CLI::ConfigItem& item : items) {
      if (!extends(item)) add(item);
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

  std::vector<CLI::ConfigItem> parse(const fs::path& path) const {
    try {
      return CLI::ConfigTOML().from_file(path.string());
    } catch (const CLI::Error& error) {
      refuse("{}", error.what());
    }
  }

  void check(const CLI::ConfigItem& item) const {
    if (!item.parents.empty() || item.name == "++" || item.name == "--") {
      refuse("'{}' stands in a section; settings are plain `key = value` lines", item.fullname());
    }
    const std::string flag = fmt::format("--{}", item.name);
    if (std::ranges::find(known_, flag) == known_.end() || belongs_to_one_call(item.name)) {
      const std::string near = nearest(flag, known_);
      refuse("unknown key '{}'{}", item.name, near.empty() ? "" : fmt::format("; did you mean '{}'?", near.substr(2)));
    }
    if (item.inputs.size() != 1) refuse("'{}' needs one value, got {}", item.name, item.inputs.size());
  }

  void add(const CLI::ConfigItem& item) {
    const std::string flag = fmt::format("--{}", item.name);
    const std::string variable = command_.get_option(flag)->get_envname();
    const char* environment = variable.empty() ? nullptr : std::getenv(variable.c_str());
    if (environment != nullptr && *environment != '\0') return;
    std::erase_if(arguments, [&](const std::string& before) { return before.starts_with(flag + "="); });
    arguments.push_back(fmt::format("{}={}", flag, item.inputs.front()));
  }

  const CLI::App& command_;
  std::vector<std::string> known_;
  std::vector<fs::path> chain_;
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
