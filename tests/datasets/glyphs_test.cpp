#include "datasets/glyphs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "datasets/glyph_strokes.h"
#include "tensor/parallel.h"
#include "tests/datasets/data_support.h"

namespace divvy::test {

using data::Dataset;
using data::glyphs;
using data::GlyphStyle;

namespace {

/// A style in which nothing is random but the way to write a digit.
constexpr GlyphStyle kPlain = {
    .rotation = 0, .shear = 0, .scale = 0, .shift = 0, .bend = 0, .thin = 1, .thick = 1, .faint = 1, .noise = 0};

/// The share of `test` that the nearest mean image of a class of `train` names rightly: about what a linear model can
/// do.
double nearest_mean_accuracy(const Dataset& train, const Dataset& test) {
  std::vector<double> means(10 * 784, 0);
  const auto pixels = train.x.values<uint8_t>();
  const auto counts = train.class_counts();
  for (int64_t i = 0; i < train.size(); ++i) {
    const int64_t label = train.y.data<int64_t>()[i];
    for (int64_t p = 0; p < 784; ++p) {
      means[static_cast<size_t>(label * 784 + p)] +=
          pixels[static_cast<size_t>(i * 784 + p)] / static_cast<double>(counts[static_cast<size_t>(label)]);
    }
  }
  int64_t right = 0;
  for (int64_t i = 0; i < test.size(); ++i) {
    int64_t best = -1;
    double least = std::numeric_limits<double>::infinity();
    for (int64_t c = 0; c < 10; ++c) {
      double distance = 0;
      for (int64_t p = 0; p < 784; ++p) {
        distance += std::pow(means[static_cast<size_t>(c * 784 + p)] - test.x.data<uint8_t>()[i * 784 + p], 2);
      }
      if (distance < least) {
        least = distance;
        best = c;
      }
    }
    right += best == test.y.data<int64_t>()[i];
  }
  return static_cast<double>(right) / static_cast<double>(test.size());
}

}  // namespace

TEST_CASE("glyphs are whole, balanced and normalized") {
  const Dataset d = glyphs({.count = 2000});
  CHECK_NOTHROW(data::check(d, "glyphs"));
  CHECK(d.x.shape() == Shape{2000, 1, 28, 28});
  CHECK(d.x.dtype() == DType::u8);
  CHECK(d.class_counts() == std::vector<int64_t>(10, 200));
  const auto measured = data::measure_normalization(d.x);
  CHECK(measured.mean[0] == Approx(d.normalization.mean[0]).epsilon(0.03));
  CHECK(measured.stddev[0] == Approx(d.normalization.stddev[0]).epsilon(0.03));
  CHECK(glyphs({.count = 0}).size() == 0);
  CHECK(glyphs({.count = 1}).size() == 1);
}

TEST_CASE("glyph i depends on the seed, the stream and i alone") {
  const int threads = num_threads();
  const Dataset d = glyphs({.count = 500, .seed = 7, .stream = 3});
  for (const int n : {1, 2, 3, 8}) {
    set_num_threads(n);
    CHECK(same_bits(glyphs({.count = 500, .seed = 7, .stream = 3}).x, d.x));
  }
  set_num_threads(threads);
  CHECK(same_bits(glyphs({.count = 123, .seed = 7, .stream = 3}).x, d.x.slice(0, 123)));
  // No image comes again with another seed, stream or number.
  const Dataset seed = glyphs({.count = 500, .seed = 8, .stream = 3}),
                stream = glyphs({.count = 500, .seed = 7, .stream = 4});
  for (int64_t i = 0; i + 10 < 500; ++i) {
    CHECK_FALSE(same_bits(d.x[i], seed.x[i]));
    CHECK_FALSE(same_bits(d.x[i], stream.x[i]));
    CHECK_FALSE(same_bits(d.x[i], d.x[i + 10]));
  }
}

TEST_CASE("without random changes a digit has as many images as ways to write it") {
  const Dataset d = glyphs({.count = 600, .style = kPlain});
  for (int64_t digit = 0; digit < 10; ++digit) {
    std::vector<Tensor> distinct;
    for (int64_t i = digit; i < 600; i += 10) {
      if (std::ranges::none_of(distinct, [&](const Tensor& t) { return same_bits(t, d.x[i]); }))
        distinct.push_back(d.x[i]);
    }
    CHECK(distinct.size() == data::glyph_variants(static_cast<int>(digit)).size());
    CHECK(distinct.size() >= 2);
  }
}

TEST_CASE("a plain stroke has its width, is soft at its edge only, and is where it should be") {
  // The first way to write 1 is a line from top to bottom, through the middle of the image: columns 13 and 14 are half
  // a pixel from it, and their neighbors one and a half, where a stroke of half width 1 ends.
  const Dataset d = glyphs({.count = 200, .style = kPlain});
  bool found = false;
  for (int64_t i = 1; i < 200 && !found; i += 10) {
    const uint8_t* row = d.x.data<uint8_t>() + i * 784 + 20 * 28;
    if (row[13] != 255 || row[14] != 255) continue;
    found = true;
    for (int64_t column = 0; column < 28; ++column) CHECK(int{row[column]} == (column == 13 || column == 14 ? 255 : 0));
    const uint8_t* image = d.x.data<uint8_t>() + i * 784;
    for (int64_t r : {0, 1, 2, 25, 26, 27}) CHECK(int{image[r * 28 + 13]} == 0);
    for (int64_t r = 5; r < 23; ++r) CHECK(int{image[r * 28 + 13]} == 255);
  }
  CHECK(found);
  CHECK(int{glyphs({.count = 1, .style = {.thin = 28, .thick = 28, .faint = 1}}).x.data<uint8_t>()[0]} > 0);
}

TEST_CASE("glyphs are not linearly easy, and not hopeless") {
  const auto splits = data::glyph_splits(1);
  CHECK(splits.train.size() == 9000);
  CHECK(splits.validation.size() == 1000);
  CHECK(splits.test.size() == 2000);
  const double accuracy = nearest_mean_accuracy(splits.train, splits.test);
  CHECK(accuracy > 0.4);
  CHECK(accuracy < 0.8);
  CHECK(nearest_mean_accuracy(glyphs({.count = 500, .style = kPlain}),
                              glyphs({.count = 100, .stream = 1, .style = kPlain})) == 1);
}

TEST_CASE("glyph options out of range are refused") {
  const auto refused = [](data::GlyphOptions options) { return refusal<ValueError>([&] { glyphs(options); }); };
  CHECK_THAT(refused({.count = -1}), ContainsSubstring("must not be negative, got -1"));
  CHECK_THAT(refused({.style = {.rotation = -1}}), ContainsSubstring("rotation must be in [0, "));
  CHECK_THAT(refused({.style = {.shear = NAN}}), ContainsSubstring("shear"));
  CHECK_THAT(refused({.style = {.scale = 1}}), ContainsSubstring("scale must be in [0, 0.9], got 1"));
  CHECK_THAT(refused({.style = {.shift = 29}}), ContainsSubstring("shift"));
  CHECK_THAT(refused({.style = {.bend = 2}}), ContainsSubstring("bend"));
  CHECK_THAT(refused({.style = {.thin = 0}}), ContainsSubstring("thin"));
  CHECK_THAT(refused({.style = {.thin = 2, .thick = 1}}), ContainsSubstring("thick must be in [2, 28], got 1"));
  CHECK_THAT(refused({.style = {.faint = 1.5}}), ContainsSubstring("faint"));
  CHECK_THAT(refused({.style = {.noise = -0.1}}), ContainsSubstring("noise"));
  CHECK_THAT(refusal<ValueError>([] { data::glyph_variants(10); }), ContainsSubstring("0 to 9, got 10"));
}

}  // namespace divvy::test
