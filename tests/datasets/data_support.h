#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <typeinfo>
#include <vector>

#include "datasets/dataset.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

#if __has_include(<catch2/catch_all.hpp>)
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
inline auto ContainsSubstring(const std::string& text) { return Catch::Matchers::Contains(text); }
#endif

/// The message of the E that `call` throws; a word about what came instead, where it throws something else or nothing.
template <class E, class F>
std::string refusal(F&& call) {
  try {
    call();
  } catch (const Error& error) {
    return typeid(error) == typeid(E) ? error.what() : std::string("another type: ") + typeid(error).name();
  } catch (const std::exception& error) {
    return std::string("not an error of divvy: ") + error.what();
  }
  return "nothing was thrown";
}

/// n samples of f32 [n, 3] with values 10 i, 10 i + 1, 10 i + 2, in `classes` classes that take turns.
inline data::Dataset small_features(int64_t n, int64_t classes) {
  data::Dataset d;
  d.name = "small";
  d.x = Tensor::empty({n, 3});
  d.y = Tensor::empty({n}, DType::i64);
  d.classes = classes;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t c = 0; c < 3; ++c) d.x.mutable_data<float>()[3 * i + c] = static_cast<float>(10 * i + c);
    d.y.mutable_data<int64_t>()[i] = i % classes;
  }
  return d;
}

/// n images u8 [n, channels, height, width] of arbitrary pixels, in 3 classes that take turns.
inline data::Dataset small_images(int64_t n, int64_t channels, int64_t height, int64_t width) {
  data::Dataset d;
  d.name = "images";
  d.x = Tensor::empty({n, channels, height, width}, DType::u8);
  uint32_t state = 1;
  for (uint8_t& v : d.x.mutable_values<uint8_t>())
    v = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  d.y = Tensor::empty({n}, DType::i64);
  for (int64_t i = 0; i < n; ++i) d.y.mutable_data<int64_t>()[i] = i % 3;
  d.classes = 3;
  return d;
}

/// A folder that is there for the duration of a test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "divvy-test-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

  /// Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& bytes) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

inline std::vector<int64_t> to_list(const Tensor& t) {
  const auto values = t.values<int64_t>();
  return {values.begin(), values.end()};
}

}  // namespace divvy::test
