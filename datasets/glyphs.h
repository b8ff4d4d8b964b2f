#pragma once

#include <cstdint>

#include "datasets/dataset.h"

namespace divvy::data {

/// How unlike the images of one digit are; every range is drawn from uniformly.
struct GlyphStyle {
  double rotation = 0.4;  ///< radians, to either side
  double shear = 0.3;     ///< sideways shift per height, to either side
  double scale = 0.25;    ///< each of width and height is multiplied by up to 1 +- this
  double shift = 3;       ///< pixels, to either side, in both directions
  double bend = 0.12;     ///< of the height; by how much strokes are bent out of their form
  double thin = 0.6;      ///< pixels, the smallest half width of a stroke
  double thick = 1.6;     ///< pixels, the largest
  double faint = 0.5;     ///< the least brightness of a stroke, of 1
  double noise = 0.25;    ///< the largest deviation of the noise of an image, of 1
};

struct GlyphOptions {
  int64_t count = 12000;
  uint64_t seed = 42;
  uint64_t stream = 0;  ///< sets of one seed and different streams have nothing in common
  GlyphStyle style = {};
};

/// Images u8 [count, 1, 28, 28] of digits, written with a pen: bright strokes on black, one of two or three ways to
/// write each digit, rotated, sheared, scaled, shifted, bent, of random width and brightness, with noise. Image i shows
/// digit i mod 10 and depends on (seed, stream, i) and the style alone. Normalized by the mean and deviation of the
/// default style. Throws ValueError for a negative count and for ranges that make no sense.
Dataset glyphs(const GlyphOptions& options = {});

/// The set that is always there: 9,000 images to learn from, 1,000 for validation and 2,000 for the test, from streams
/// of their own.
Splits glyph_splits(uint64_t seed = 42);

}  // namespace divvy::data
