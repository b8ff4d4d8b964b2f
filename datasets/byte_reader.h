#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace divvy::data {

/// Reads a file from front to back, decompressing it if it begins with the two magic bytes of gzip. Every problem with
/// the file is a DataError that names the path. No size that the file states is trusted for an allocation.
class ByteReader {
 public:
  /// Throws DataError if there is no such file or it cannot be read.
  explicit ByteReader(std::string path);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  const std::string& path() const { return path_; }

  /// Reads exactly `size` bytes. Throws DataError, which says that `what` is cut off, if fewer are left.
  void read(void* to, int64_t size, std::string_view what);

  /// Reads the rest of the file. Throws DataError if it has more than `limit` bytes after decompression.
  std::string read_all(int64_t limit);

  /// Checks that exactly `size` more bytes can follow, before the caller allocates memory for them: a plain file must
  /// have exactly as many; a gzip file must state them in its trailer and be large enough for the highest ratio of
  /// deflate.
  void expect(int64_t size);

  /// Checks that the file ends here and, for gzip, that the checksum of the decompressed bytes matches.
  void expect_end();

 private:
  class Source;
  class Plain;
  class Packed;

  std::string path_;
  std::unique_ptr<Source> source_;
  int64_t done_ = 0;  // bytes read, after decompression
};

}  // namespace divvy::data
