#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

/// Functions that read files which may be damaged, and that replace files so that a crash never leaves half of one.
namespace divvy {

/// What a file is for: decides whether its errors are DataError or CheckpointError.
enum class FileKind : uint8_t { data, checkpoint };

/// Throws DataError or CheckpointError with "path: problem".
[[noreturn]] void fail_file(FileKind kind, const std::filesystem::path& path, std::string_view problem);

/// Replaces the file at `path` with the parts, one after the other: writes them to the sibling ".name.divvy.tmp", syncs
/// it, renames it and syncs the folder. Whatever happens on the way, `path` holds either all of the old or all of the
/// new contents; an error removes the sibling, and a crash leaves at most the sibling, which the next write to any file
/// of the folder removes. Writers to the same path take turns. Throws the error of `kind` with the system's reason.
void atomic_write(const std::filesystem::path& path, FileKind kind, std::span<const std::span<const std::byte>> parts);
void atomic_write(const std::filesystem::path& path, FileKind kind, std::string_view text);

/// Reads a regular file from front to back. Nothing is read beyond the size that the file had when it was opened, so a
/// caller that checks a size against remaining() never allocates more than there is to read.
class FileReader {
 public:
  /// Throws the error of `kind` where the file is missing, cannot be read or is not a regular file.
  FileReader(std::filesystem::path path, FileKind kind);
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  const std::filesystem::path& path() const { return path_; }
  int64_t size() const { return size_; }
  int64_t position() const { return position_; }
  int64_t remaining() const { return size_ - position_; }

  /// The next `bytes` bytes. Throws the error of `kind` where fewer remain or the system cannot read them.
  void read(void* to, int64_t bytes);
  std::string read_string(int64_t bytes);
  /// Throws the error of `kind`: "path: problem".
  [[noreturn]] void fail(std::string_view problem) const { fail_file(kind_, path_, problem); }

 private:
  std::filesystem::path path_;
  FileKind kind_;
  int file_ = -1;
  int64_t size_ = 0;
  int64_t position_ = 0;
};

/// The contents of a file of at most `max_bytes` bytes; a larger one is refused before anything is read.
std::string read_file(const std::filesystem::path& path, FileKind kind, int64_t max_bytes);

namespace detail {

/// The system calls that reading and writing depend on, so that tests can make each of them fail.
struct FileCalls {
  int (*open)(const char* path, int flags, mode_t mode);
  ssize_t (*read)(int file, void* to, size_t bytes);
  ssize_t (*write)(int file, const void* from, size_t bytes);
  int (*fsync)(int file);
  int (*rename)(const char* from, const char* to);
};
extern FileCalls file_calls;

}  // namespace detail

}  // namespace divvy
