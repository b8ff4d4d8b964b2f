#include "apps/run/run_config.h"

#include <fmt/format.h>
#include <zlib.h>

#include "tensor/error.h"
#include "tensor/file.h"

namespace divvy::app {

namespace {

constexpr std::string_view kLineStart = "# checksum ";
constexpr std::string_view kNone = "# checksum none\n";

std::string checksum_line(std::string_view text) {
  const auto sum = crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size());
  return fmt::format("{}{:08x}\n", kLineStart, sum);
}

}  // namespace

std::string with_checksum(const std::string& text) { return text + checksum_line(text); }

std::string read_config(const std::filesystem::path& path) {
  constexpr int64_t kMostBytes = 1 << 20;
  const std::string text = read_file(path, FileKind::checkpoint, kMostBytes);
  const size_t end = text.size() < 2 ? std::string::npos : text.rfind('\n', text.size() - 2);
  const size_t begin = end == std::string::npos ? 0 : end + 1;
  const std::string_view last = std::string_view(text).substr(begin);
  if (!last.starts_with(kLineStart)) {
    fail<CheckpointError>(
        "{}: its last line is no checksum: it was cut off, or written by hand or by another version; if its settings "
        "are those of the run, append the line '# checksum none'",
        path.string());
  }
  if (last != kNone && last != checksum_line(std::string_view(text).substr(0, begin))) {
    fail<CheckpointError>(
        "{}: does not have its checksum: it is damaged, or was edited by hand; if it was, write '# checksum none' in "
        "the place of its last line",
        path.string());
  }
  return text.substr(0, begin);
}

}  // namespace divvy::app
