#include "datasets/byte_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "tensor/error.h"

namespace divvy::data {

namespace {

// Deflate turns one bit into at most 258 bytes and needs two bits for that: 1032 to 1 (zlib, algorithm.txt).
constexpr int64_t kLargestExpansion = 1032;

/// An open regular file.
class File {
 public:
  explicit File(const std::string& path)
      : path_(path), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0) fail<DataError>("{}: cannot be opened: {}", path_, std::strerror(errno));
    struct stat status {};
    if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
      close(descriptor_);
      fail<DataError>("{}: is not a regular file", path_);
    }
    size_ = status.st_size;
  }
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(File&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}
  File& operator=(File&&) = delete;

  int64_t size() const { return size_; }
  const std::string& path() const { return path_; }

  /// Returns fewer bytes than requested only at the end of the file.
  int64_t read(void* to, int64_t size) {
    int64_t done = 0;
    while (done < size) {
      const ssize_t got = ::read(descriptor_, static_cast<char*>(to) + done, static_cast<size_t>(size - done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail<DataError>("{}: cannot be read: {}", path_, std::strerror(errno));
      if (got == 0) break;
      done += got;
    }
    return done;
  }

  /// Reads bytes [at, at + size) without moving the position of read().
  int64_t read_at(void* to, int64_t size, int64_t at) const {
    return std::max<int64_t>(0, pread(descriptor_, to, static_cast<size_t>(size), at));
  }

 private:
  std::string path_;
  int descriptor_;
  int64_t size_ = 0;
};

}  // namespace

class ByteReader::Source {
 public:
  virtual ~Source() = default;
  /// Returns fewer bytes than requested only at the end of the data.
  virtual int64_t read(void* to, int64_t size) = 0;
  /// See ByteReader::expect(); `done` bytes have been read.
  virtual void expect(int64_t done, int64_t size) = 0;
  virtual void expect_end() = 0;
};

class ByteReader::Plain final : public Source {
 public:
  explicit Plain(File file) : file_(std::move(file)) {}

  int64_t read(void* to, int64_t size) override { return file_.read(to, size); }

  void expect(int64_t done, int64_t size) override {
    if (size == file_.size() - done) return;
    fail<DataError>("{}: by its header the file has {} bytes, but it has {}: {}", file_.path(), done + size,
                    file_.size(), size > file_.size() - done ? "it is cut off" : "something follows the data");
  }

  void expect_end() override {
    char more = 0;
    if (file_.read(&more, 1) != 0) fail<DataError>("{}: something follows the data", file_.path());
  }

 private:
  File file_;
};

class ByteReader::Packed final : public Source {
 public:
  explicit Packed(File file) : file_(std::move(file)) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) fail<DataError>("{}: no memory to unpack it", file_.path());
  }
  ~Packed() override { inflateEnd(&stream_); }

  int64_t read(void* to, int64_t size) override {
    int64_t done = 0;
    while (done < size && !ended_) {
      const auto part = static_cast<uInt>(std::min<int64_t>(size - done, 1 << 30));
      stream_.next_out = static_cast<Bytef*>(to) + done;
      stream_.avail_out = part;
      unpack();
      done += part - stream_.avail_out;
    }
    return done;
  }

  void expect(int64_t done, int64_t size) override {
    if (size / kLargestExpansion > file_.size()) {
      fail<DataError>("{}: by its header it unpacks to {} bytes, but {} packed bytes cannot hold that many",
                      file_.path(), done + size, file_.size());
    }
    std::array<uint8_t, 4> trailer{};
    file_.read_at(trailer.data(), 4, file_.size() - 4);
    uint32_t stated = 0;
    for (size_t i = 0; i < 4; ++i) stated |= static_cast<uint32_t>(trailer[i]) << (8 * i);
    if (stated != static_cast<uint32_t>(done + size)) diagnose(done, size);
  }

  void expect_end() override {
    char more = 0;
    if (read(&more, 1) != 0) fail<DataError>("{}: something follows the data", file_.path());
    if (stream_.avail_in > 0 || refill()) fail<DataError>("{}: something follows the gzip stream", file_.path());
  }

 private:
  /// Calls inflate once, after refilling its input if that is empty, and checks the result.
  void unpack() {
    if (stream_.avail_in == 0 && !refill()) {
      fail<DataError>("{}: the gzip stream is cut off after {} bytes", file_.path(), file_.size());
    }
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      ended_ = true;
    } else if (result == Z_DATA_ERROR || result == Z_NEED_DICT) {
      fail<DataError>("{}: the gzip stream is damaged: {}", file_.path(),
                      stream_.msg ? stream_.msg : "dictionary needed");
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      fail<DataError>("{}: cannot be unpacked (zlib error {})", file_.path(), result);
    }
  }

  bool refill() {
    stream_.next_in = input_.data();
    stream_.avail_in = static_cast<uInt>(file_.read(input_.data(), static_cast<int64_t>(input_.size())));
    return stream_.avail_in > 0;
  }

  /// Called if trailer and header state different sizes. Reads on, discarding the data, to find out what is wrong.
  [[noreturn]] void diagnose(int64_t done, int64_t size) {
    std::array<char, 1 << 14> scratch;
    int64_t left = size;
    while (left > 0 && !ended_) left -= read(scratch.data(), std::min<int64_t>(left, scratch.size()));
    if (left > 0) {
      fail<DataError>("{}: by its header it unpacks to {} bytes, but it has {}: it is cut off", file_.path(),
                      done + size, done + size - left);
    }
    expect_end();
    fail<DataError>("{}: the gzip stream is damaged: its trailer states another size", file_.path());
  }

  File file_;
  z_stream stream_{};
  std::array<Bytef, 1 << 16> input_;
  bool ended_ = false;
};

ByteReader::ByteReader(std::string path) : path_(std::move(path)) {
  File file(path_);
  std::array<uint8_t, 2> magic{};
  const bool packed = file.read_at(magic.data(), 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
  if (packed) {
    source_ = std::make_unique<Packed>(std::move(file));
  } else {
    source_ = std::make_unique<Plain>(std::move(file));
  }
}

ByteReader::~ByteReader() = default;

void ByteReader::read(void* to, int64_t size, std::string_view what) {
  const int64_t got = source_->read(to, size);
  done_ += got;
  if (got < size) fail<DataError>("{}: {} is cut off: the data end after {} bytes", path_, what, done_);
}

std::string ByteReader::read_all(int64_t limit) {
  std::string bytes;
  std::array<char, 1 << 16> buffer;
  while (const int64_t got = source_->read(buffer.data(), buffer.size())) {
    done_ += got;
    if (got > limit - static_cast<int64_t>(bytes.size())) {
      fail<DataError>("{}: it has more than {} bytes", path_, limit);
    }
    bytes.append(buffer.data(), static_cast<size_t>(got));
  }
  expect_end();
  return bytes;
}

void ByteReader::expect(int64_t size) { source_->expect(done_, size); }

void ByteReader::expect_end() { source_->expect_end(); }

}  // namespace divvy::data
