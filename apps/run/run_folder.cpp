#include "apps/run/run_folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "apps/settings/options.h"
#include "apps/version.h"
#include "kernels/instruction_set.h"
#include "nn/state_dict.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tensor/text.h"

namespace divvy::app {

namespace fs = std::filesystem;

namespace {

std::string csv_cell(const nlohmann::ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

constexpr const char* kLog = "output.log";

void require(std::ostream& stream, const fs::path& path) {
  stream.flush();
  if (!stream) fail<CheckpointError>("{}: cannot be written", path.string());
}

}  // namespace

void require_folder_name(const std::string& what, const std::string& name) {
  constexpr size_t kMostBytes = 200;  // file systems have names of 255 bytes, and a run's has its date, too
  const bool control = std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  const char* problem = name.empty() || name == "." || name == ".." ? "names no folder"
                        : name.find('/') != std::string::npos       ? "has a '/', which would leave the folder"
                        : control                                   ? "has control characters"
                        : !is_utf8(name)                            ? "is no UTF-8"
                        : name.size() > kMostBytes                  ? "is longer than 200 bytes"
                                                                    : nullptr;
  if (problem != nullptr) throw UsageError(fmt::format("{}: '{}' {}", what, printable(name, 80), problem));
}

RunFolder RunFolder::create(const fs::path& path) {
  fs::path at = path.lexically_normal();
  if (!at.has_filename()) at = at.parent_path();  // of "run/"
  std::error_code error;
  if (at.has_parent_path()) fs::create_directories(at.parent_path(), error);
  if (error) fail<CheckpointError>("{}: cannot be made: {}", path.string(), error.message());
  auto folder = try_create(at);
  if (!folder) {
    fail<CheckpointError>("{}: exists already; a run folder is never overwritten, name another with --run-dir",
                          path.string());
  }
  return std::move(*folder);
}

RunFolder RunFolder::create_default(const std::string& name) {
  require_folder_name("--name", name);
  const std::time_t now = std::time(nullptr);
  const fs::path first = fs::path("runs") / fmt::format("{:%Y%m%d_%H%M%S}-{}", fmt::localtime(now), name);
  std::error_code error;
  fs::create_directories(first.parent_path(), error);
  if (error) fail<CheckpointError>("{}: cannot be made: {}", first.parent_path().string(), error.message());
  for (int i = 1;; ++i) {
    auto folder = try_create(i == 1 ? first : fs::path(fmt::format("{}-{}", first.string(), i)));
    if (folder) return std::move(*folder);
  }
}

std::optional<RunFolder> RunFolder::try_create(const fs::path& path) {
  // Of several processes one makes the folder; to look first whether it exists would leave time for another.
  if (::mkdir(path.c_str(), 0777) != 0) {
    if (errno == EEXIST) return std::nullopt;
    fail<CheckpointError>("{}: cannot be made: {}", path.string(), std::strerror(errno));
  }
  std::error_code error;
  fs::create_directory(path / "checkpoints", error);
  if (error) fail<CheckpointError>("{}: cannot be made: {}", path.string(), error.message());
  RunFolder folder(path);
  folder.lock_ = FileLock::try_acquire(path / kLog);
  folder.csv_.open(path / "metrics.csv");
  folder.jsonl_.open(path / "metrics.jsonl");
  folder.log_.open(path / kLog);
  for (std::ofstream* stream : {&folder.csv_, &folder.jsonl_, &folder.log_}) require(*stream, path);
  return folder;
}

bool RunFolder::in_use(const fs::path& path) {
  std::error_code error;
  return fs::exists(path / kLog, error) && !FileLock::try_acquire(path / kLog);
}

bool RunFolder::is_unfilled(const fs::path& path) {
  std::error_code error;
  fs::directory_iterator at(path, error);
  return !error && std::all_of(at, fs::directory_iterator(), [&](const fs::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    if (name == "checkpoints") return entry.is_directory(error) && fs::is_empty(entry.path(), error);
    const bool ours = name == kLog || name.starts_with("metrics.") || name.ends_with(".divvy.tmp");
    return ours && entry.is_regular_file(error);
  });
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

nlohmann::ordered_json read_run_json(const fs::path& path) {
  constexpr int kMostDepth = 16;
  const std::string text = read_run_file(path);
  const auto shallow = [&](int depth, nlohmann::ordered_json::parse_event_t, nlohmann::ordered_json&) {
    if (depth > kMostDepth) fail<CheckpointError>("{}: is nested too deeply; the file is damaged", path.string());
    return true;
  };
  nlohmann::ordered_json json;
  try {
    json = nlohmann::ordered_json::parse(text, shallow);
  } catch (const nlohmann::json::exception&) {
    fail<CheckpointError>("{}: is no JSON; the file is damaged", path.string());
  }
  if (!json.is_object()) fail<CheckpointError>("{}: is no JSON object; the file is damaged", path.string());
  return json;
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
