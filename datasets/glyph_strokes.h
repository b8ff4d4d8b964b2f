#pragma once

#include <vector>

namespace divvy::data {

/// A point of a glyph: x to the right and y down, the origin in its center, its height from -1 to 1.
struct Point {
  double x = 0;
  double y = 0;
};

using Polyline = std::vector<Point>;
/// One way to write a digit: the strokes of the pen, with curves approximated by short lines.
using Glyph = std::vector<Polyline>;

/// The ways to write `digit`, 0 to 9: two or three each.
const std::vector<Glyph>& glyph_variants(int digit);

}  // namespace divvy::data
