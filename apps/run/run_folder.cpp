#include "apps/run/run_folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <ctime>

#include "apps/version.h"
#include "kernels/instruction_set.h"
#include "nn/state_dict.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/parallel.h"

namespace divvy::app {

namespace fs = std::filesystem;

namespace {

std::string csv_cell(const nlohmann::ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

void require(std::ostream& stream, const fs::path& path) {
  stream.flush();
  if (!stream) fail<CheckpointError>("{}: cannot be written", path.string());
}

}  // namespace

fs::path RunFolder::default_path(const std::string& name) {
  const std::time_t now = std::time(nullptr);
  const fs::path first = fs::path("runs") / fmt::format("{:%Y%m%d_%H%M%S}-{}", fmt::localtime(now), name);
  fs::path path = first;
  for (int i = 2; fs::exists(path); ++i) path = fs::path(first.string() + fmt::format("-{}", i));
  return path;
}

RunFolder RunFolder::create(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path, error)) {
    fail<CheckpointError>("{}: exists already; a run folder is never overwritten, name another with --run-dir",
                          path.string());
  }
  fs::create_directories(path / "checkpoints", error);
  if (error) fail<CheckpointError>("{}: cannot be made: {}", path.string(), error.message());
  RunFolder folder(path);
  folder.csv_.open(path / "metrics.csv");
  folder.jsonl_.open(path / "metrics.jsonl");
  folder.log_.open(path / "output.log");
  for (std::ofstream* stream : {&folder.csv_, &folder.jsonl_, &folder.log_}) require(*stream, path);
  return folder;
}

void RunFolder::write_text(const std::string& name, const std::string& text) const {
  atomic_write(file(name), FileKind::checkpoint, text);
}

void RunFolder::append_metrics(const nlohmann::ordered_json& row) {
  std::string header, line;
  for (const auto& [key, value] : row.items()) {
    if (value.is_structured()) continue;
    const char* comma = header.empty() ? "" : ",";
    header += fmt::format("{}{}", comma, key);
    line += fmt::format("{}{}", comma, csv_cell(value));
  }
  if (csv_.tellp() == 0) csv_ << header << '\n';
  csv_ << line << '\n';
  jsonl_ << row.dump() << '\n';
  require(csv_, file("metrics.csv"));
  require(jsonl_, file("metrics.jsonl"));
}

void RunFolder::log(const std::string& line) {
  log_ << line << '\n';
  require(log_, file("output.log"));
}

void RunFolder::save_checkpoint(const std::string& name, const nn::Module& module,
                                const nlohmann::ordered_json& state) const {
  const fs::path folder = path_ / "checkpoints" / name;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail<CheckpointError>("{}: cannot be made: {}", folder.string(), error.message());
  nn::save(module, folder / "weights.safetensors", {{"format", "divvy"}});
  write_json("checkpoints/" + name + "/state.json", state);
}

std::string read_run_file(const fs::path& path) {
  constexpr int64_t kMostBytes = 64 << 20;
  return read_file(path, FileKind::checkpoint, kMostBytes);
}

nlohmann::ordered_json environment() {
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  nlohmann::ordered_json json;
  json["divvy_version"] = kVersion;
  json["compiler"] = compiler_text();
  json["build_type"] = kBuildType;
  json["native_build"] = kNativeBuild;
  json["instruction_set"] = kernels::to_string(kernels::instruction_set());
  json["bf16_unit"] = bf16_unit();
  json["cuda_build"] = kCudaBuild;
  json["cuda_devices"] = cuda_device_count();
  json["host"] = host;
  json["processor"] = processor_name();
  json["threads"] = num_threads();
  json["time"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  return json;
}

}  // namespace divvy::app
