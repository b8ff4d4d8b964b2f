#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace divvy {

/// The number of cores that this process may use, at least 1: those of its affinity (taskset, Slurm), at most the CPU
/// quota of its control group, rounded up (containers), and at most the threads that OMP_NUM_THREADS had at the first
/// call. A machine may have more.
int available_cores();

namespace detail {

/// The quota in cores that limits a control group: the least of its own and those of the groups above it, in version 2
/// or 1 of the file system below `root`. `groups` is the text of /proc/self/cgroup. Nothing if there is no limit.
std::optional<double> cgroup_cores(const std::filesystem::path& root, std::string_view groups);

}  // namespace detail

}  // namespace divvy
