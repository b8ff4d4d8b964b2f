#include "tensor/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "tensor/error.h"

namespace divvy {

namespace detail {

FileCalls file_calls{
    [](const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); },
    ::read,
    ::write,
    ::fsync,
    std::rename,
};

}  // namespace detail

namespace {

namespace fs = std::filesystem;

std::string_view advice(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return "free some space or choose another folder";
    case EACCES:
    case EPERM:
    case EROFS: return "check the permissions or choose another folder";
    case ENOENT:
    case ENOTDIR: return "check the path";
    case EIO: return "check the disk";
    default: return "check the path and the disk";
  }
}

[[noreturn]] void fail_call(FileKind kind, const fs::path& path, std::string_view what, int error) {
  fail_file(kind, path, fmt::format("{}: {}; {}", what, std::strerror(error), advice(error)));
}

/// Closes its file descriptor.
struct Descriptor {
  explicit Descriptor(int number = -1) : number(number) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void reset(int next = -1) {
    if (number >= 0) ::close(number);
    number = next;
  }
  int number;
};

constexpr std::string_view kSuffix = ".divvy.tmp";

/// Removes the siblings that killed writers left in a folder. A living writer holds the lock of its own.
void remove_stale_siblings(const fs::path& folder) {
  std::error_code none;
  for (fs::directory_iterator at(folder, none), end; !none && at != end; at.increment(none)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with('.') || !name.ends_with(kSuffix)) continue;
    const Descriptor file(::open(at->path().c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat opened {
    }, named{};
    if (file.number < 0 || ::fstat(file.number, &opened) != 0 || !S_ISREG(opened.st_mode)) continue;
    if (::flock(file.number, LOCK_EX | LOCK_NB) != 0) continue;
    // A writer that opened the file and waits for its lock notices that the name is gone, and creates a new one.
    if (::stat(at->path().c_str(), &named) == 0 && opened.st_ino == named.st_ino) ::unlink(at->path().c_str());
  }
}

/// The sibling to which the new contents of a file are written; it is removed unless it is committed.
class Sibling {
 public:
  Sibling(const fs::path& path, FileKind kind)
      : target_(path),
        path_(path.parent_path() / fmt::format(".{}{}", path.filename().string(), kSuffix)),
        kind_(kind) {}
  ~Sibling() {
    if (ours_) ::unlink(path_.c_str());
  }
  Sibling(const Sibling&) = delete;
  Sibling& operator=(const Sibling&) = delete;

  void open() {
    while (!open_and_lock()) {
    }
    ours_ = true;
    if (::ftruncate(file_.number, 0) != 0) fail("cannot empty the temporary file");
  }

  void write(std::span<const std::byte> part) {
    while (!part.empty()) {
      const ssize_t done = detail::file_calls.write(file_.number, part.data(), std::min<size_t>(part.size(), 1 << 30));
      if (done < 0 && errno == EINTR) continue;
      if (done == 0) errno = ENOSPC;  // nothing was written, and errno is not set
      if (done <= 0) fail(fmt::format("cannot write {} more bytes after {}", part.size(), written_));
      written_ += done;
      part = part.subspan(static_cast<size_t>(done));
    }
  }

  void commit() {
    if (detail::file_calls.fsync(file_.number) != 0) fail("cannot bring the new contents to the disk");
    if (detail::file_calls.rename(path_.c_str(), target_.c_str()) != 0) fail("cannot put the new file in place");
    ours_ = false;
    // Without syncing the folder, a power failure could undo the renaming. Some network file systems do not support it.
    const fs::path folder = target_.parent_path().empty() ? "." : target_.parent_path();
    remove_stale_siblings(folder);
    const Descriptor parent(detail::file_calls.open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    if (parent.number < 0 || (detail::file_calls.fsync(parent.number) != 0 && errno != EINVAL && errno != ENOTSUP)) {
      fail("the new file is in place, but its folder cannot be brought to the disk");
    }
  }

 private:
  /// Returns false if another writer renamed the sibling between opening and locking.
  bool open_and_lock() {
    file_.reset(detail::file_calls.open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (file_.number < 0) fail("cannot create a temporary file beside it");
    // On a file system without locks, writers to the same path are not kept apart.
    while (::flock(file_.number, LOCK_EX) != 0 && errno == EINTR) {
    }
    struct stat opened {
    }, named{};
    if (::fstat(file_.number, &opened) != 0) fail("cannot look at the temporary file");
    return ::stat(path_.c_str(), &named) == 0 && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
  }

  [[noreturn]] void fail(std::string_view what) const { fail_call(kind_, target_, what, errno); }

  fs::path target_;
  fs::path path_;
  FileKind kind_;
  Descriptor file_;
  int64_t written_ = 0;
  bool ours_ = false;  ///< this writer holds the lock of the sibling
};

}  // namespace

void fail_file(FileKind kind, const fs::path& path, std::string_view problem) {
  if (kind == FileKind::data) fail<DataError>("{}: {}", path.string(), problem);
  fail<CheckpointError>("{}: {}", path.string(), problem);
}

void atomic_write(const fs::path& path, FileKind kind, std::span<const std::span<const std::byte>> parts) {
  if (!path.has_filename()) fail_file(kind, path, "names no file; add a file name");
  Sibling sibling(path, kind);
  sibling.open();
  for (const auto part : parts) sibling.write(part);
  sibling.commit();
}

void atomic_write(const fs::path& path, FileKind kind, std::string_view text) {
  const std::span<const std::byte> part = std::as_bytes(std::span(text));
  atomic_write(path, kind, std::span(&part, 1));
}

FileReader::FileReader(fs::path path, FileKind kind) : path_(std::move(path)), kind_(kind) {
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number < 0) fail_call(kind_, path_, "cannot open it", errno);
  struct stat status {};
  if (::fstat(file.number, &status) != 0) fail_call(kind_, path_, "cannot look at it", errno);
  if (!S_ISREG(status.st_mode)) fail("is not a regular file; give the path of a file");
  size_ = status.st_size;
  file_ = std::exchange(file.number, -1);
}

FileReader::~FileReader() { ::close(file_); }

void FileReader::read(void* to, int64_t bytes) {
  if (bytes < 0 || bytes > remaining()) {
    fail(fmt::format("ends too early: {} bytes are needed at byte {}, {} are left; the file is damaged", bytes,
                     position_, remaining()));
  }
  while (bytes > 0) {
    const ssize_t done = detail::file_calls.read(file_, to, static_cast<size_t>(std::min<int64_t>(bytes, 1 << 30)));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail_call(kind_, path_, fmt::format("cannot read {} bytes at byte {}", bytes, position_), errno);
    if (done == 0) fail(fmt::format("became shorter while it was read: {} bytes, now {}; try again", size_, position_));
    to = static_cast<std::byte*>(to) + done;
    bytes -= done;
    position_ += done;
  }
}

std::string FileReader::read_string(int64_t bytes) {
  if (bytes < 0 || bytes > remaining()) read(nullptr, bytes);  // throws
  std::string text(static_cast<size_t>(bytes), '\0');
  read(text.data(), bytes);
  return text;
}

std::string read_file(const fs::path& path, FileKind kind, int64_t max_bytes) {
  FileReader reader(path, kind);
  if (reader.size() > max_bytes) {
    reader.fail(fmt::format("has {} bytes, at most {} are expected; is it the right file?", reader.size(), max_bytes));
  }
  return reader.read_string(reader.size());
}

}  // namespace divvy
