#include "datasets/gather.h"

#include <array>
#include <cmath>
#include <map>
#include <set>

#include "tests/datasets/data_support.h"

namespace divvy::test {

using data::Augmentation;

namespace {

/// The pixel of a plane at (row, column) with the given padding rule, as the documentation says it.
double padded(const std::vector<double>& plane, int64_t height, int64_t width, int64_t row, int64_t column,
              bool reflect) {
  const auto fold = [&](int64_t at, int64_t size) { return at < 0 ? -at : at >= size ? 2 * size - 2 - at : at; };
  if (reflect) {
    row = fold(row, height);
    column = fold(column, width);
  }
  if (row < 0 || row >= height || column < 0 || column >= width) return 0;
  return plane[static_cast<size_t>(row * width + column)];
}

using Windows = std::vector<std::array<int64_t, 3>>;

/// All images that an augmentation of this one can give, each with the windows (top, left, flip) that give it:
/// reflected and mirrored ones can coincide.
std::map<std::vector<double>, Windows> possible(const std::vector<double>& plane, int64_t height, int64_t width,
                                                const Augmentation& augmentation) {
  std::map<std::vector<double>, Windows> result;
  const int64_t p = augmentation.crop_padding;
  for (int64_t top = -p; top <= p; ++top) {
    for (int64_t left = -p; left <= p; ++left) {
      for (int64_t flip = 0; flip <= (augmentation.flip ? 1 : 0); ++flip) {
        std::vector<double> image;
        for (int64_t r = 0; r < height; ++r) {
          for (int64_t c = 0; c < width; ++c) {
            const int64_t column = flip ? width - 1 - c : c;
            image.push_back(padded(plane, height, width, top + r, left + column, augmentation.reflect));
          }
        }
        result[image].push_back({top, left, flip});
      }
    }
  }
  return result;
}

}  // namespace

TEST_CASE("augmentation gives each window and mirror image about equally often, and nothing else") {
  const int64_t height = 5, width = 4, n = 4000;
  const data::Dataset d = small_images(1, 2, height, width);
  const auto pixels = d.x.to_doubles();
  const std::vector<double> red(pixels.begin(), pixels.begin() + height * width);
  const std::vector<double> green(pixels.begin() + height * width, pixels.end());
  const std::vector<int64_t> index(n, 0);
  for (const Augmentation augmentation :
       {Augmentation{true, 0, false}, {false, 2, false}, {true, 2, true}, {true, 1, false}}) {
    const auto reds = possible(red, height, width, augmentation), greens = possible(green, height, width, augmentation);
    Generator generator(5);
    Tensor out = Tensor::empty({n, 2, height, width});
    data::gather_augmented(d, index, augmentation, generator, out);
    CHECK(generator.offset() == static_cast<uint64_t>(n));
    std::map<Windows, int> times;
    for (int64_t i = 0; i < n; ++i) {
      auto values = out[i].to_doubles();
      for (double& v : values) v = std::round(255 * v);
      const auto a = reds.find({values.begin(), values.begin() + height * width});
      const auto b = greens.find({values.begin() + height * width, values.end()});
      REQUIRE((a != reds.end() && b != greens.end()));
      REQUIRE(a->second == b->second);  // the channels move together
      ++times[a->second];
    }
    CHECK(times.size() == reds.size());
    const auto side = static_cast<double>(2 * augmentation.crop_padding + 1);
    const double all = side * side * (augmentation.flip ? 2 : 1);
    for (const auto& [windows, count] : times) {
      const double expected = static_cast<double>(n * static_cast<int64_t>(windows.size())) / all;
      CHECK(std::abs(count - expected) < 5 * std::sqrt(expected));
    }
  }
}

TEST_CASE("photographs are mirrored and cut out of a reflection of 4 pixels") {
  // What the published experiments on CIFAR did in training.
  const Augmentation augmentation{.flip = true, .crop_padding = 4, .reflect = true};
  const data::Dataset d = small_images(1, 3, 32, 32);
  CHECK_NOTHROW(data::check_augmentation(augmentation, d.sample_shape()));
  const auto pixels = d.x.to_doubles();
  const auto windows = possible({pixels.begin(), pixels.begin() + 32 * 32}, 32, 32, augmentation);
  REQUIRE(windows.size() == 9 * 9 * 2);
  const int64_t n = 2000;
  Generator generator(6);
  Tensor out = Tensor::empty({n, 3, 32, 32});
  data::gather_augmented(d, std::vector<int64_t>(n, 0), augmentation, generator, out);
  std::set<Windows> seen;
  for (int64_t i = 0; i < n; ++i) {
    auto red = out[i].slice(0, 1).to_doubles();
    for (double& v : red) v = std::round(255 * v);
    const auto found = windows.find(red);
    REQUIRE(found != windows.end());
    seen.insert(found->second);
  }
  CHECK(seen.size() == windows.size());
}

TEST_CASE("padding is black before normalization") {
  data::Dataset d = small_images(1, 1, 2, 2);
  d.normalization = {{0.5}, {0.25}};
  d.x = Tensor::full({1, 1, 2, 2}, 255, DType::u8);
  const std::vector<int64_t> index(64, 0);
  Generator generator;
  Tensor out = Tensor::empty({64, 1, 2, 2});
  data::gather_augmented(d, index, {.crop_padding = 1}, generator, out);
  int black = 0, white = 0;
  for (const double v : out.to_doubles()) {
    black += v == Approx(-2);
    white += v == Approx(2);
  }
  CHECK(black + white == 256);
  CHECK(black > 40);
  CHECK(white > 40);
}

TEST_CASE("augmentation that does nothing draws nothing") {
  const data::Dataset d = small_images(3, 1, 4, 4);
  Generator generator;
  Tensor a = Tensor::empty({2, 1, 4, 4}), b = Tensor::empty({2, 1, 4, 4});
  data::gather_augmented(d, std::vector<int64_t>{2, 0}, {}, generator, a);
  data::gather_normalized(d, std::vector<int64_t>{2, 0}, b);
  CHECK(same_bits(a, b));
  CHECK(generator.offset() == 0);
}

}  // namespace divvy::test
