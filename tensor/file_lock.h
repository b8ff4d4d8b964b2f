#pragma once

#include <filesystem>
#include <optional>

namespace divvy {

/// The lock of a file, which one holder at a time has. The system frees it when the process ends, however it ends. On a
/// file system without locks everybody gets it.
class FileLock {
 public:
  /// Creates the file if it is missing, and locks it; nothing if somebody else holds the lock. Throws CheckpointError
  /// for a file that cannot be opened.
  static std::optional<FileLock> try_acquire(const std::filesystem::path& path);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}

  int file_ = -1;
};

}  // namespace divvy
