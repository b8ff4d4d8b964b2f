#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace divvy::app {

/// How the samples of the validation part were divided among the experts in each epoch.
struct UsagePicture {
  std::string title, subtitle;
  std::vector<std::vector<int64_t>> selected;  ///< [epochs][experts]: how often each expert was selected
  int64_t first_epoch = 1;
  /// A stage of the recipe that begins after the first epoch; drawn as a vertical line with its name.
  struct Stage {
    int64_t epoch = 0;
    std::string name;
  };
  std::vector<Stage> stages;
};

/// A self-contained SVG of stacked areas, one for each expert's share of the samples in each epoch, with names and last
/// shares at the right. Throws ValueError if there are no epochs or they differ in length, and for negative counts.
std::string usage_svg(const UsagePicture& picture);

}  // namespace divvy::app
