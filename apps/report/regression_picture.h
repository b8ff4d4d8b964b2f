#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace divvy::app {

/// A regression of the plane onto itself by linear experts, in the manner of Barber: each regime has a matrix of its
/// own, and each expert should find one of them.
struct RegressionPicture {
  std::string title, subtitle;

  struct Sample {
    std::array<double, 2> input{}, target{}, output{};
    int64_t regime = 0, expert = 0;  ///< expert: -1 for none
  };
  std::vector<Sample> samples;

  /// A matrix by rows: y = {a[0] x0 + a[1] x1, a[2] x0 + a[3] x1}.
  struct Matrix {
    std::string name;
    std::array<double, 4> values{};
  };
  std::vector<Matrix> regimes;  ///< what the targets were made with: R, S
  std::vector<Matrix> experts;  ///< the weights that were learned
};

/// Points before and after, colored by regime; the outputs, colored by expert, with a line to the target of each;
/// each coordinate of the output against that of the target; and the matrices of the regimes with the experts' beside
/// the one that they are nearest to. A self-contained SVG. Throws ValueError without samples or regimes, for a regime
/// or an expert out of range and for numbers that are not finite.
std::string regression_svg(const RegressionPicture& picture);

}  // namespace divvy::app
