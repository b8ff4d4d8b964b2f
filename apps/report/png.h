#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace divvy::app {

/// An 8-bit picture, row-major, with 1 (gray) or 3 (RGB) interleaved channels.
struct Picture {
  int64_t height = 0, width = 0, channels = 1;
  std::vector<uint8_t> pixels;

  Picture(int64_t rows, int64_t cols, int64_t depth, uint8_t fill)
      : height(rows), width(cols), channels(depth), pixels(static_cast<size_t>(rows * cols * depth), fill) {}
  uint8_t& at(int64_t row, int64_t col, int64_t channel) {
    return pixels[static_cast<size_t>((row * width + col) * channels + channel)];
  }
};

/// The bytes of a PNG file. Throws Error if libpng fails.
std::string encode_png(const Picture& picture);

/// Base64 encoding, as in data: URLs.
std::string base64(const std::string& bytes);

}  // namespace divvy::app
