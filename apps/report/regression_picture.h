#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace divvy::app {

/// A regression from the plane to the plane by linear experts, after Barber: each regime has its own matrix, and each
/// expert should learn one of them.
struct RegressionPicture {
  std::string title, subtitle;

  struct Sample {
    std::array<double, 2> input{}, target{}, output{};
    int64_t regime = 0, expert = 0;  ///< expert: -1 for none
  };
  std::vector<Sample> samples;

  /// A row-major matrix: y = {a[0] x0 + a[1] x1, a[2] x0 + a[3] x1}.
  struct Matrix {
    std::string name;
    std::array<double, 4> values{};
  };
  std::vector<Matrix> regimes;  ///< the matrices that generated the targets: R, S
  std::vector<Matrix> experts;  ///< the learned weights
};

/// A self-contained SVG of the inputs and targets, colored by regime; of the outputs, colored by expert, with a line to
/// each target; of each coordinate of the outputs against that of the targets; and of the regimes' matrices, each
/// beside those of the experts nearest to it. Throws ValueError if there are no samples or no regimes, for a regime or
/// an expert out of range and for numbers that are not finite.
std::string regression_svg(const RegressionPicture& picture);

}  // namespace divvy::app
