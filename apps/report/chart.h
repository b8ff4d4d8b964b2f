#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Charts that compare methods over several seeds; each is a self-contained SVG. Every function throws ValueError for a
/// number that is not finite, if there is nothing to draw, and if lengths do not match.
namespace divvy::app {

struct ChartText {
  std::string title, subtitle;
};

/// Curves over the epochs: the mean over the runs of a method and, if there are several, a band of one standard
/// deviation on either side. A run may end early; the mean is then over the others.
struct CurvePanel {
  std::string title;  ///< the quantity shown, with its unit: "validation error, %"
  struct Series {
    std::string name;
    std::vector<std::vector<double>> runs;  ///< [runs][epochs]
  };
  std::vector<Series> series;
};
std::string curves_svg(const ChartText& text, const std::vector<CurvePanel>& panels);

/// One row per method and one panel per metric: a dot for each run, the mean as a diamond and, for four runs or more, a
/// box from the first to the third quartile with the median. Quartiles are interpolated linearly between the sorted
/// values.
struct BoxPanel {
  std::string title;
  std::vector<std::vector<double>> values;  ///< [methods][runs]; a method may have no runs
};
std::string boxes_svg(const ChartText& text, const std::vector<std::string>& methods,
                      const std::vector<BoxPanel>& panels);

/// One metric plotted against another, with a dot for each run in the color of its method.
struct ScatterGroup {
  std::string name;
  std::vector<double> x, y;
};
std::string scatter_svg(const ChartText& text, const std::string& x_title, const std::string& y_title,
                        const std::vector<ScatterGroup>& groups);

}  // namespace divvy::app
