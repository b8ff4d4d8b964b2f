#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Charts that compare methods over several seeds; each is a self-contained SVG. Numbers must be finite; every function
/// throws ValueError for one that is not, and where there is nothing to draw or the lengths do not fit.
namespace divvy::app {

struct ChartText {
  std::string title, subtitle;
};

/// Curves over the epochs: the mean over the runs of a method, with a band of one standard deviation on either side
/// where there are several. A run may end early; the mean is then of those that go on.
struct CurvePanel {
  std::string title;  ///< what the curves show, with its unit: "validation error, %"
  struct Series {
    std::string name;
    std::vector<std::vector<double>> runs;  ///< [runs][epochs]
  };
  std::vector<Series> series;
};
std::string curves_svg(const ChartText& text, const std::vector<CurvePanel>& panels);

/// One row a method, one panel a metric: a dot for each run, the box from the first to the third quartile with the
/// median where there are four runs or more, and the mean as a diamond. Quartiles are linear between the sorted values.
struct BoxPanel {
  std::string title;
  std::vector<std::vector<double>> values;  ///< [methods][runs]; a method may have none
};
std::string boxes_svg(const ChartText& text, const std::vector<std::string>& methods,
                      const std::vector<BoxPanel>& panels);

/// One measure against another, each run a dot in the color of its method.
struct ScatterGroup {
  std::string name;
  std::vector<double> x, y;
};
std::string scatter_svg(const ChartText& text, const std::string& x_title, const std::string& y_title,
                        const std::vector<ScatterGroup>& groups);

}  // namespace divvy::app
