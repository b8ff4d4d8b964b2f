#pragma once

#include <cstdint>
#include <filesystem>

namespace divvy {

/// The bytes of host memory that this process can still use before the system starts killing processes: free memory,
/// caches that can be dropped and free swap, within what the limits of the process's control groups (containers, batch
/// jobs) leave. -1 if that is not known.
int64_t available_host_memory();

namespace detail {

/// For tests: the same from the files below `root` instead of "/".
int64_t available_host_memory(const std::filesystem::path& root);

}  // namespace detail

}  // namespace divvy
