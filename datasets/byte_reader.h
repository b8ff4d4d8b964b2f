#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace divvy::data {

/// Reads a file from front to back, unpacking it where it begins with the two bytes of a gzip stream. Everything that
/// is wrong with the file is a DataError that names the path. Nothing is allocated on the word of the file.
class ByteReader {
 public:
  /// Throws DataError where there is no such file or it cannot be read.
  explicit ByteReader(std::string path);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  const std::string& path() const { return path_; }

  /// Reads exactly `size` bytes. Throws DataError, saying that `what` is cut off, where there are fewer.
  void read(void* to, int64_t size, std::string_view what);

  /// All that is left, which may be at most `limit` bytes after unpacking. Throws DataError where it is more.
  std::string read_all(int64_t limit);

  /// Checks, before memory is allocated for it, that `size` more bytes (and no others) can come: a plain file must have
  /// exactly as many; a packed one must say so in its trailer, and be large enough for the most that deflate can save.
  void expect(int64_t size);

  /// Checks that the file ends here, and that what was unpacked has the checksum that the file states.
  void expect_end();

 private:
  class Source;
  class Plain;
  class Packed;

  std::string path_;
  std::unique_ptr<Source> source_;
  int64_t done_ = 0;  // bytes read, after unpacking
};

}  // namespace divvy::data
