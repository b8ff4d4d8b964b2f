#pragma once

#include <cstdint>

#include "datasets/dataset.h"

namespace divvy::data {

/// How much the images of a digit vary; values are uniform within each range.
struct GlyphStyle {
  double rotation = 0.4;  ///< radians, to either side
  double shear = 0.3;     ///< sideways shift per height, to either side
  double scale = 0.25;    ///< width and height are each multiplied by up to 1 +- this
  double shift = 3;       ///< pixels, to either side, in both directions
  double bend = 0.12;     ///< largest displacement by bending, in units of half the height
  double thin = 0.6;      ///< pixels, smallest half width of a stroke
  double thick = 1.6;     ///< pixels, largest half width
  double faint = 0.5;     ///< lowest brightness of a stroke, of 1
  double noise = 0.25;    ///< largest standard deviation of an image's noise, of 1
};

struct GlyphOptions {
  int64_t count = 12000;
  uint64_t seed = 42;
  uint64_t stream = 0;  ///< sets with the same seed and different streams are independent
  GlyphStyle style = {};
};

/// Images u8 [count, 1, 28, 28] of handwritten-looking digits: bright strokes on black, in one of two or three variants
/// of each digit, rotated, sheared, scaled, shifted, bent, with random stroke width and brightness, and with noise.
/// Image i shows digit i mod 10 and depends only on (seed, stream, i) and the style. Normalized by the mean and
/// deviation of the default style. Throws ValueError for a negative count and invalid ranges.
Dataset glyphs(const GlyphOptions& options = {});

/// A data set that needs no files: 9,000 training, 1,000 validation and 2,000 test images, each part from its own
/// stream.
Splits glyph_splits(uint64_t seed = 42);

}  // namespace divvy::data
