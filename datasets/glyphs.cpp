#include "datasets/glyphs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "datasets/glyph_strokes.h"
#include "tensor/generator.h"
#include "tensor/parallel.h"

namespace divvy::data {

namespace {

constexpr int64_t kSide = 28, kPixels = kSide * kSide;
constexpr double kUnit = 9.5;  // pixels in half the height of a glyph
constexpr int64_t kDigits = 10;
constexpr uint64_t kStream = 0x61'7968'7067;
// Blocks of random bits for each image: kShapeBlocks for the shape, then one for every four pixels.
constexpr uint64_t kShapeBlocks = 8, kBlocks = kShapeBlocks + kPixels / 4;

/// Draws uniform numbers from the blocks of one image.
class Draws {
 public:
  explicit Draws(Generator& generator) : generator_(generator) {}
  /// In [0, 1).
  double unit() {
    if (used_ == 4) {
      bits_ = generator_.bits();
      used_ = 0;
    }
    return static_cast<double>(bits_[used_++]) * 0x1p-32;
  }
  double between(double low, double high) { return low + (high - low) * unit(); }
  double around(double extent) { return between(-extent, extent); }

 private:
  Generator& generator_;
  std::array<uint32_t, 4> bits_{};
  size_t used_ = 4;
};

/// The map from a glyph to the pixels of one image: bending, then scaling, shear, rotation and shift.
struct Placement {
  std::array<double, 2> bend{}, phase{};
  double xx = 0, xy = 0, yx = 0, yy = 0;
  Point shift;

  Placement(const GlyphStyle& style, Draws& draws) {
    for (size_t i = 0; i < 2; ++i) {
      bend[i] = draws.around(style.bend);
      phase[i] = draws.between(0, 2 * std::numbers::pi);
    }
    const double angle = draws.around(style.rotation), shear = draws.around(style.shear);
    const double width = kUnit * (1 + draws.around(style.scale)), height = kUnit * (1 + draws.around(style.scale));
    const double c = std::cos(angle), s = std::sin(angle);
    xx = c * width;
    xy = (c * shear - s) * height;
    yx = s * width;
    yy = (s * shear + c) * height;
    shift = {kSide / 2. + draws.around(style.shift), kSide / 2. + draws.around(style.shift)};
  }

  Point operator()(Point p) const {
    const double x = p.x + bend[0] * std::sin(2.5 * p.y + phase[0]), y = p.y + bend[1] * std::sin(2.5 * p.x + phase[1]);
    return {xx * x + xy * y + shift.x, yx * x + yy * y + shift.y};
  }
};

/// The squared distance from the center of each pixel to the nearest stroke, at most reach^2.
class DistanceField {
 public:
  explicit DistanceField(double reach) : reach_(reach) { squared_.fill(reach * reach); }

  void add(Point a, Point b) {
    const auto range = [this](double low, double high) {
      const auto clamped = [](double v) { return static_cast<int64_t>(std::clamp(v, 0., static_cast<double>(kSide))); };
      return std::pair(clamped(std::floor(low - reach_)), clamped(std::ceil(high + reach_)));
    };
    const auto [left, right] = range(std::min(a.x, b.x), std::max(a.x, b.x));
    const auto [top, bottom] = range(std::min(a.y, b.y), std::max(a.y, b.y));
    const double dx = b.x - a.x, dy = b.y - a.y, length = std::max(dx * dx + dy * dy, 1e-12);
    for (int64_t row = top; row < bottom; ++row) {
      for (int64_t column = left; column < right; ++column) {
        const double x = static_cast<double>(column) + 0.5 - a.x, y = static_cast<double>(row) + 0.5 - a.y;
        const double t = std::clamp((x * dx + y * dy) / length, 0., 1.);
        const double u = x - t * dx, v = y - t * dy;
        double& best = squared_[static_cast<size_t>(row * kSide + column)];
        best = std::min(best, u * u + v * v);
      }
    }
  }

  double distance(size_t pixel) const { return std::sqrt(squared_[pixel]); }

 private:
  double reach_;
  std::array<double, kPixels> squared_;
};

/// An approximately normal number of deviation 1, at most 3.5: the sum of the four bytes of a word. Integer arithmetic
/// makes it the same on every machine.
double noise_of(uint32_t word) {
  const uint32_t sum = (word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24);
  return (static_cast<double>(sum) - 510) / 147.8;
}

void draw(int digit, const GlyphStyle& style, Generator& generator, uint8_t* pixels) {
  const uint64_t first = generator.offset();
  Draws draws(generator);
  const auto& variants = glyph_variants(digit);
  const auto& glyph = variants[static_cast<size_t>(draws.unit() * static_cast<double>(variants.size()))];
  const Placement place(style, draws);
  const double radius = draws.between(style.thin, style.thick), ink = draws.between(style.faint, 1);
  const double noise = draws.between(0, style.noise);

  DistanceField field(radius + 1);
  for (const Polyline& stroke : glyph) {
    for (size_t i = 0; i + 1 < stroke.size(); ++i) field.add(place(stroke[i]), place(stroke[i + 1]));
  }
  generator.set_offset(first + kShapeBlocks);
  for (size_t pixel = 0; pixel < kPixels; pixel += 4) {
    const auto bits = generator.bits();
    for (size_t i = 0; i < 4; ++i) {
      const double covered = std::clamp(radius + 0.5 - field.distance(pixel + i), 0., 1.);
      const double value = ink * covered + noise * noise_of(bits[i]);
      pixels[pixel + i] = static_cast<uint8_t>(std::lround(255 * std::clamp(value, 0., 1.)));
    }
  }
}

void check_style(const GlyphStyle& s) {
  const auto in_range = [](const char* what, double value, double low, double high) {
    if (!(value >= low && value <= high)) {
      fail<ValueError>("glyphs: {} must be in [{}, {}], got {}", what, low, high, value);
    }
  };
  in_range("rotation", s.rotation, 0, std::numbers::pi);
  in_range("shear", s.shear, 0, 2);
  in_range("scale", s.scale, 0, 0.9);
  in_range("shift", s.shift, 0, kSide);
  in_range("bend", s.bend, 0, 1);
  in_range("thin", s.thin, 0.1, kSide);
  in_range("thick", s.thick, s.thin, kSide);
  in_range("faint", s.faint, 0, 1);
  in_range("noise", s.noise, 0, 1);
}

}  // namespace

Dataset glyphs(const GlyphOptions& options) {
  if (options.count < 0) fail<ValueError>("glyphs: the count must not be negative, got {}", options.count);
  check_style(options.style);
  Dataset d;
  d.name = "glyphs";
  d.classes = kDigits;
  d.normalization = {{0.131}, {0.228}};
  d.x = Tensor::empty({options.count, 1, kSide, kSide}, DType::u8);
  d.y = Tensor::empty({options.count}, DType::i64);
  uint8_t* pixels = d.x.mutable_data<uint8_t>();
  int64_t* labels = d.y.mutable_data<int64_t>();
  glyph_variants(0);  // made before the parallel region uses them
  const Generator all = Generator(options.seed).split(kStream).split(options.stream);
  parallel_tiles(options.count, 64, [&](int64_t begin, int64_t end) {
    Generator generator = all;
    for (int64_t i = begin; i < end; ++i) {
      generator.set_offset(static_cast<uint64_t>(i) * kBlocks);
      labels[i] = i % kDigits;
      draw(static_cast<int>(labels[i]), options.style, generator, pixels + i * kPixels);
    }
  });
  check(d, d.name);
  return d;
}

Splits glyph_splits(uint64_t seed) {
  return {glyphs({.count = 9000, .seed = seed, .stream = 0}), glyphs({.count = 1000, .seed = seed, .stream = 1}),
          glyphs({.count = 2000, .seed = seed, .stream = 2})};
}

}  // namespace divvy::data
