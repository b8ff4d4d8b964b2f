#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "moe/analysis/record.h"

namespace divvy::app {

/// A grid over a part of the plane; cell r * columns + c has its center at x = x_low + (c + 1/2) / columns * (x_high -
/// x_low), and y likewise from r: row 0 is the lowest.
struct PlaneGrid {
  double x_low = -1, x_high = 1, y_low = -1, y_high = 1;
  int64_t columns = 220, rows = 220;

  int64_t cells() const { return columns * rows; }
  /// The centers, f32 [cells, 2], on which a model is evaluated.
  Tensor centers() const;
  /// A grid that covers the points of a data set f32 [N, 2] with a margin.
  static PlaneGrid around(const data::Dataset& points, int64_t resolution = 220);
};

/// How a mixture divides and classifies the plane.
struct RegionPicture {
  std::string title, subtitle;
  int64_t classes = 0, experts = 0;
  std::vector<std::string> class_names;  ///< empty, or one for each class

  PlaneGrid grid;
  std::vector<int64_t> prediction;         ///< [cells] the model's class
  std::vector<int64_t> expert;             ///< [cells] the selected expert
  std::vector<int64_t> expert_prediction;  ///< [experts * cells] each expert's class, expert by expert

  struct Point {
    double x = 0, y = 0;
    int64_t label = 0, prediction = 0, expert = 0;
  };
  std::vector<Point> points;  ///< the samples of the test part
};

/// Makes it from the dense record of the grid's centers (whose labels are not read) and the record of the test part.
/// Throws ValueError if sizes do not match.
RegionPicture region_picture(const PlaneGrid& grid, const moe::Record& cells, const data::Dataset& test,
                             const moe::Record& record);

/// A self-contained SVG of the model's decision regions with the test points, wrong ones with a red cross; of the
/// regions of the gate; and of the decision regions of each expert, pale where the gate does not choose it, with the
/// points given to it. Throws ValueError for columns of the wrong length and entries out of range.
std::string region_svg(const RegionPicture& picture);

}  // namespace divvy::app
