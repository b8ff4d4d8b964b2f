#include "tensor/cores.h"

#include <fmt/format.h>
#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace divvy {

namespace {

namespace fs = std::filesystem;

int cores_of_affinity() {
  // A set of fixed size is too small for machines with more than 1024 processors.
  for (size_t processors = 1024; processors <= (1 << 20); processors *= 2) {
    std::vector<cpu_set_t> sets(processors / 1024);
    if (sched_getaffinity(0, sets.size() * sizeof(cpu_set_t), sets.data()) != 0) continue;
    int count = 0;
    for (const cpu_set_t& set : sets) count += CPU_COUNT(&set);
    return std::max(count, 1);
  }
  return omp_get_num_procs();
}

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// The quota that a folder of one group has, in cores.
std::optional<double> quota_of(const fs::path& folder) {
  std::string line = first_line(folder / "cpu.max");  // version 2: "QUOTA PERIOD" or "max PERIOD"
  if (line.empty()) line = first_line(folder / "cpu.cfs_quota_us") + " " + first_line(folder / "cpu.cfs_period_us");
  std::istringstream numbers(line);
  double quota = 0, period = 0;
  if (!(numbers >> quota >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

}  // namespace

int available_cores() {
  static const int threads = omp_get_max_threads();
  int cores = std::min(cores_of_affinity(), threads);
  std::stringstream groups;
  groups << std::ifstream("/proc/self/cgroup").rdbuf();
  if (const auto quota = detail::cgroup_cores("/sys/fs/cgroup", groups.str())) {
    cores = std::min(cores, static_cast<int>(std::ceil(std::min(*quota, 1e6))));
  }
  return std::max(cores, 1);
}

namespace detail {

std::optional<double> cgroup_cores(const fs::path& root, std::string_view groups) {
  std::optional<double> least;
  std::istringstream lines{std::string(groups)};
  for (std::string line; std::getline(lines, line);) {  // "NUMBER:CONTROLLERS:/PATH"
    const size_t controllers = line.find(':'), path = line.find(":/");
    if (controllers == std::string::npos || path == std::string::npos) continue;
    const std::string names = fmt::format(",{},", line.substr(controllers + 1, path - controllers - 1));
    const bool version_2 = names == ",,";
    if (!version_2 && names.find(",cpu,") == std::string::npos) continue;
    const fs::path top = version_2 ? root : root / "cpu";
    // In a container the path may be that outside it; then only the top of the tree is there.
    for (fs::path group = line.substr(path + 2);; group = group.parent_path()) {
      if (const auto quota = quota_of(top / group)) least = least ? std::min(*least, *quota) : *quota;
      if (group.empty()) break;
    }
  }
  return least;
}

}  // namespace detail

}  // namespace divvy
