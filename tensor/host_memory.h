#pragma once

#include <cstdint>
#include <filesystem>

namespace divvy {

/// The bytes that this process can still take on the host without the system having to kill something: the memory that
/// the system has or can get by dropping caches, the free swap, and no more than what is left of the limits of the
/// process's control groups (containers, batch jobs). -1 where the system does not say.
int64_t available_host_memory();

namespace detail {

/// The same from the files below `root`, for tests; available_host_memory() reads those below "/".
int64_t available_host_memory(const std::filesystem::path& root);

}  // namespace detail

}  // namespace divvy
