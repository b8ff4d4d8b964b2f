#include "apps/settings/options.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "apps/settings/option_checks.h"
#include "apps/settings/toml.h"
#include "apps/version.h"
#include "tensor/suggest.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

std::string option_key(const CLI::Option& option) {
  return option.get_lnames().empty() ? "" : option.get_lnames().front();
}

Device parse_device(std::string_view text) {
  if (text == "cpu") return Device::cpu();
  if (text == "cuda") return Device::cuda();
  const std::string_view number = text.starts_with("cuda:") ? text.substr(5) : "";
  int index = 0;
  const auto end = std::from_chars(number.data(), number.data() + number.size(), index);
  if (number.empty() || end.ptr != number.data() + number.size() || end.ec != std::errc() || index < 0) {
    fail<ValueError>("expects cpu, cuda or cuda:N, got '{}'", text);
  }
  return Device::cuda(index);
}

}  // namespace

moe::Method TrainConfig::usual_method() {
  moe::Method method;
  method.model.network = "";
  method.optimizer = {.weight_decay = 1e-3, .momentum = 0.9};
  method.first_epochs = 0;
  return method;
}

bool belongs_to_one_call(const std::string& key) {
  static const std::set<std::string> names = {"help",         "config", "list",    "dry-run",
                                              "fast-dev-run", "quiet",  "run-dir", "name"};
  return names.contains(key);
}

CLI::Option* data_dir_option(CLI::App& command, std::string& data_dir) {
  return command.add_option("--data-dir", data_dir, "folder with a sub-folder for each data set")
      ->default_str(data_dir)
      ->envname("DIVVY_DATA");
}

CLI::Option* threads_option(CLI::App& command, int& threads) {
  return command.add_option("--threads", threads, "threads, 0: all cores; the results do not depend on it")
      ->check(number(0, 4096))
      ->capture_default_str();
}

CLI::Option* device_option(CLI::App& command, Device& device) {
  return parsed_option(command, "--device", device.to_string(), "cpu, cuda or, of several GPUs, cuda:N",
                       [&device](const std::string& text) { device = parse_device(text); })
      ->type_name("NAME");
}

CLI::Option* precision_option(CLI::App& command, Precision& precision) {
  return choice_option(command, "--precision", precision,
                       "of the factors of products: f32, or where the hardware can bf16 or tf32");
}

void require_hardware(Device device, Precision precision) {
  if (device.is_cuda() && device.index >= cuda_device_count()) {
    throw UsageError(fmt::format("--device {}: {}; --device cpu works everywhere", device,
                                 !kCudaBuild ? "this build of divvy has no CUDA"
                                             : fmt::format("{} GPUs can be used here", cuda_device_count())));
  }
  if (!kernels::has_precision(device, precision)) {
    throw UsageError(fmt::format(
        "--precision {}: {}; --precision f32 works everywhere", name_of(precision),
        precision == Precision::tf32 ? "a GPU has it, the CPU has not" : "this processor has no AMX or AVX512_BF16"));
  }
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
  command
      .add_option("--temperature", config.temperature,
                  "of the gate's softmax, instead of the one at which the gate learned last")
      ->check(number(1e-6, 1e6));
  command.add_option("--compare", config.compare, "another run folder: how alike the two divide the test part")
      ->type_name("RUN");
  threads_option(command, config.threads);
  device_option(command, config.device);
  precision_option(command, config.precision);
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
    throw UsageError(fmt::format("unknown option '{}'{}", printable(name, 80),
                                 near.empty() ? "; see --help" : fmt::format("; did you mean '{}'?", near)));
  }
}

TrainConfig train_config(std::vector<std::string> arguments) {
  CLI::App command;
  command.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  TrainConfig config;
  add_train_options(command, config);
  refuse_unknown_options(command, arguments);
  arguments = with_config_file(command, std::move(arguments));
  std::ranges::reverse(arguments);  // as CLI11 takes them
  try {
    command.parse(std::move(arguments));
  } catch (const CLI::Error& error) {
    throw UsageError(error.what());
  }
  return config;
}

std::string to_toml(const TrainConfig& config) {
  TrainConfig copy = config;
  CLI::App command;
  add_train_options(command, copy);
  std::string text;
  for (const CLI::Option* option : command.get_options()) {
    const std::string key = option_key(*option), value = option->get_default_str();
    if (key.empty() || belongs_to_one_call(key) || value.empty()) continue;
    const std::string type = option->get_type_name();
    const bool flag = option->get_expected_max() == 0;
    const bool numeric = type.starts_with("INT") || type.starts_with("UINT") || type.starts_with("FLOAT");
    text += fmt::format("{} = {}\n", key, flag || numeric ? value : toml_string(value));
  }
  return text;
}

}  // namespace divvy::app
