#include "apps/options.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>

#include "apps/suggest.h"
#include "moe/models.h"
#include "tensor/parallel.h"

namespace divvy::app {

namespace {

/// Numbers in [low, high]; CLI11's own checks let "nan" and "1e400" pass.
CLI::Validator number(double low, double high = std::numeric_limits<double>::infinity(), bool open = false) {
  const std::string range = std::isinf(high) ? fmt::format("{} {}", open ? "greater than" : "at least", low)
                                             : fmt::format("from {} to {}", low, high);
  return CLI::Validator(
      [=](std::string& text) {
        char* end = nullptr;
        const double value = std::strtod(text.c_str(), &end);
        const bool good = end != text.c_str() && *end == '\0' && std::isfinite(value) &&
                          (open ? value > low : value >= low) && value <= high;
        return good ? std::string() : fmt::format("must be a number {}, got '{}'", range, text);
      },
      "");
}

CLI::Validator one_of(std::vector<std::string> names) {
  return CLI::Validator(
      [names = std::move(names)](std::string& text) -> std::string {
        if (std::ranges::find(names, text) != names.end()) return "";
        const std::string near = nearest(text, names);
        return fmt::format("'{}' is not known{}; known are {}", text,
                           near.empty() ? "" : fmt::format(", did you mean '{}'?", near), fmt::join(names, ", "));
      },
      "");
}

template <class Rows>
std::vector<std::string> names_of(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return names;
}

CLI::Option* data_dir_option(CLI::App& command, std::string& data_dir) {
  return command.add_option("--data-dir", data_dir, "folder with a sub-folder for each data set")
      ->envname("DIVVY_DATA");
}

void threads_option(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "threads, 0: all cores; the results do not depend on it")
      ->check(number(0, 4096))
      ->capture_default_str();
}

/// Options that belong to one call, not to a run's settings.
const std::set<std::string>& per_call() {
  static const std::set<std::string> names = {"help", "config", "dry-run", "fast-dev-run", "quiet", "run-dir", "name"};
  return names;
}

std::string option_key(const CLI::Option& option) {
  return option.get_lnames().empty() ? "" : option.get_lnames().front();
}

}  // namespace

void add_train_options(CLI::App& command, TrainConfig& config) {
  command.add_option("--config", "read settings from a TOML file (key = value); flags win over it")->type_name("FILE");
  command.add_option("--data", config.data, "data set; `divvy data` lists them")->capture_default_str()->group("Data");
  data_dir_option(command, config.data_dir)->group("Data");
  command.add_option("--model", config.model, "single, mixture or top-k")
      ->check(one_of(names_of(moe::model_kinds())))
      ->capture_default_str()
      ->group("Model");
  command.add_option("--net", config.network, "networks of experts and gate; the default suits the data")
      ->check(one_of(names_of(moe::networks())))
      ->group("Model");
  command.add_option("--experts", config.experts, "number of experts")
      ->check(number(1, 1e6))
      ->capture_default_str()
      ->group("Model");
  command.add_option("--k", config.k, "experts evaluated for a sample by top-k")
      ->check(number(1, 1e6))
      ->capture_default_str()
      ->group("Model");
  command.add_option("--temperature", config.temperature, "softmax temperature of the gate")
      ->check(number(0, std::numeric_limits<double>::infinity(), true))
      ->capture_default_str()
      ->group("Model");
  command.add_option("--importance", config.importance, "weight of the importance loss, which balances the experts")
      ->check(number(0))
      ->capture_default_str()
      ->group("Training");
  command.add_option("--epochs", config.epochs, "passes over the training part")
      ->check(number(1, 1e9))
      ->capture_default_str()
      ->group("Training");
  command.add_option("--batch", config.batch, "samples of a step; the default suits the size of the data")
      ->check(number(1, 1e9))
      ->group("Training");
  command.add_option("--optimizer", config.optimizer, "adamw (Adam with decoupled weight decay), adam, rmsprop or sgd")
      ->check(one_of({"adam", "adamw", "rmsprop", "sgd"}))
      ->capture_default_str()
      ->group("Training");
  command.add_option("--lr", config.learning_rate, "learning rate")
      ->check(number(0, std::numeric_limits<double>::infinity(), true))
      ->capture_default_str()
      ->group("Training");
  command.add_option("--weight-decay", config.weight_decay, "weight decay")
      ->check(number(0))
      ->capture_default_str()
      ->group("Training");
  command.add_option("--momentum", config.momentum, "momentum of rmsprop and sgd")
      ->check(number(0, 1))
      ->capture_default_str()
      ->group("Training");
  command.add_option("--clip-norm", config.clip_norm, "greatest norm of the gradients, 0: not clipped")
      ->check(number(0))
      ->capture_default_str()
      ->group("Training");
  command.add_option("--seed", config.seed, "seed of weights, order and splits")
      ->check(number(0, 9007199254740992.0))
      ->capture_default_str()
      ->group("Run");
  threads_option(command, config.threads);
  command.add_option("--run-dir", config.run_dir, "the run folder; the default is runs/DATE_TIME-NAME")->group("Run");
  command.add_option("--name", config.name, "name in the run folder's default name")->group("Run");
  command.add_flag("--quiet,-q", config.quiet, "no progress, only results and errors")->group("Run");
  command.add_flag("--dry-run", config.dry_run, "print the plan, parameters, FLOPs and memory, and stop")->group("Run");
  command.add_flag("--fast-dev-run", config.fast_dev_run, "one batch of everything, to see that it works")
      ->group("Run");
}

void add_eval_options(CLI::App& command, EvalConfig& config) {
  command.add_option("run", config.run, "run folder of a training")->required();
  command.add_option("--checkpoint", config.checkpoint, "last or best")
      ->check(one_of({"last", "best"}))
      ->capture_default_str();
  data_dir_option(command, config.data_dir);
  command.add_option("--batch", config.batch, "samples evaluated at once")
      ->check(number(1, 1e9))
      ->capture_default_str();
  threads_option(command, config.threads);
}

void add_data_options(CLI::App& command, DataConfig& config, bool with_names) {
  if (with_names) {
    command.add_option("names", config.names, "data sets to read and check")
        ->type_name("NAME")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  data_dir_option(command, config.data_dir);
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back(fmt::format("--{}", name));
  }
  return names;
}

void refuse_unknown_options(const CLI::App& command, const std::vector<std::string>& arguments) {
  const auto known = option_names(command);
  for (const std::string& argument : arguments) {
    if (!argument.starts_with("--") || argument == "--") continue;
    const std::string name = argument.substr(0, argument.find('='));
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::string near = nearest(name, known);
    throw UsageError(fmt::format("unknown option '{}'{}", name,
                                 near.empty() ? "; see --help" : fmt::format("; did you mean '{}'?", near)));
  }
}

std::vector<std::string> with_config_file(const CLI::App& command, std::vector<std::string> arguments) {
  std::string path;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--config" && i + 1 < arguments.size()) path = arguments[i + 1];
    if (arguments[i].starts_with("--config=")) path = arguments[i].substr(9);
  }
  if (path.empty()) return arguments;
  std::vector<CLI::ConfigItem> items;
  try {
    items = CLI::ConfigTOML().from_file(path);
  } catch (const CLI::Error& error) {
    throw UsageError(fmt::format("--config {}: {}", path, error.what()));
  }
  const auto known = option_names(command);
  std::vector<std::string> merged;
  for (const CLI::ConfigItem& item : items) {
    const std::string flag = fmt::format("--{}", item.name);
    if (!item.parents.empty() || item.name == "++" || item.name == "--") {
      throw UsageError(fmt::format("--config {}: '{}' stands in a section; settings are plain `key = value` lines",
                                   path, item.fullname()));
    }
    if (std::ranges::find(known, flag) == known.end() || per_call().contains(item.name)) {
      const std::string near = nearest(flag, known);
      throw UsageError(fmt::format("--config {}: unknown key '{}'{}", path, item.name,
                                   near.empty() ? "" : fmt::format("; did you mean '{}'?", near.substr(2))));
    }
    if (item.inputs.size() != 1) {
      throw UsageError(fmt::format("--config {}: '{}' needs one value, got {}", path, item.name, item.inputs.size()));
    }
    const std::string variable = command.get_option(flag)->get_envname();
    const char* environment = variable.empty() ? nullptr : std::getenv(variable.c_str());
    if (environment != nullptr && *environment != '\0') continue;
    merged.push_back(fmt::format("{}={}", flag, item.inputs.front()));
  }
  merged.insert(merged.end(), arguments.begin(), arguments.end());
  return merged;
}

std::string to_toml(const CLI::App& command, const std::map<std::string, std::string>& settled) {
  std::string text;
  for (const CLI::Option* option : command.get_options()) {
    const std::string key = option_key(*option);
    if (key.empty() || per_call().contains(key)) continue;
    std::string value = option->count() > 0 ? option->results().back() : option->get_default_str();
    if (const auto found = settled.find(key); found != settled.end()) value = found->second;
    if (value.empty()) continue;
    const std::string type = option->get_type_name();
    const bool numeric = type.starts_with("INT") || type.starts_with("UINT") || type.starts_with("FLOAT");
    text += numeric ? fmt::format("{} = {}\n", key, value) : fmt::format("{} = \"{}\"\n", key, value);
  }
  return text;
}

}  // namespace divvy::app
