#include "tensor/host_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace divvy {

namespace {

namespace fs = std::filesystem;

/// The number after the word `key`, or the first number of the file if `key` is empty; nothing if the file or the
/// number is missing, or if it is "max", which means no limit.
std::optional<int64_t> number_in(const fs::path& path, std::string_view key = "") {
  std::ifstream file(path);
  std::string word;
  while (file >> word) {
    if (!key.empty() && word != key) continue;
    if (!key.empty() && !(file >> word)) break;
    int64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) break;
    return number;
  }
  return std::nullopt;
}

/// The file names of one version of control groups.
struct GroupFiles {
  const char* folder;
  const char* limit;
  const char* usage;
  const char* reclaimable;  ///< the line of memory.stat for file pages that count as used but can be dropped
};
constexpr GroupFiles kVersion1{"sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                               "total_inactive_file"};
constexpr GroupFiles kVersion2{"sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"};

/// The least memory that the limits of the group at `path` and of its ancestors leave.
int64_t room_in_group(const fs::path& root, const GroupFiles& files, fs::path path) {
  int64_t room = INT64_MAX;
  const fs::path top = root / files.folder;
  while (true) {
    const fs::path group = path.empty() ? top : top / path;
    const auto limit = number_in(group / files.limit), usage = number_in(group / files.usage);
    if (limit && usage) {
      const int64_t reclaimable = number_in(group / "memory.stat", files.reclaimable).value_or(0);
      room = std::min(room, *limit - std::min(*limit, *usage - std::min(*usage, reclaimable)));
    }
    if (path.empty()) return room;
    path = path.parent_path();
  }
}

/// The least memory that the limits of all control groups of this process leave. Each line of /proc/self/cgroup is
/// hierarchy:controllers:/path, with no controllers for version 2.
int64_t room_in_groups(const fs::path& root) {
  int64_t room = INT64_MAX;
  std::ifstream groups(root / "proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = fmt::format(",{},", line.substr(first + 1, second - first - 1));
    const fs::path path = fs::path(line.substr(second + 1)).relative_path();
    if (controllers == ",,") room = std::min(room, room_in_group(root, kVersion2, path));
    if (controllers.find(",memory,") != std::string::npos) room = std::min(room, room_in_group(root, kVersion1, path));
  }
  return room;
}

}  // namespace

int64_t detail::available_host_memory(const fs::path& root) {
  const auto kibibytes = number_in(root / "proc/meminfo", "MemAvailable:");
  if (!kibibytes) return -1;
  const int64_t swap = number_in(root / "proc/meminfo", "SwapFree:").value_or(0);
  return std::min((*kibibytes + swap) * 1024, room_in_groups(root));
}

int64_t available_host_memory() { return detail::available_host_memory("/"); }

}  // namespace divvy
