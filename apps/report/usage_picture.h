#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace divvy::app {

/// How the samples of the validation part were shared out among the experts as training went on.
struct UsagePicture {
  std::string title, subtitle;
  std::vector<std::vector<int64_t>> selected;  ///< [epochs][experts]: samples that each expert was selected for
  int64_t first_epoch = 1;
  /// Stages of the recipe that begin with an epoch after the first; drawn as upright lines with their names.
  struct Stage {
    int64_t epoch = 0;
    std::string name;
  };
  std::vector<Stage> stages;
};

/// Stacked areas, one an expert, of its share of the samples in each epoch; their names stand at the right, with the
/// last share. A self-contained SVG. Throws ValueError for no epochs, epochs of unlike length and negative counts.
std::string usage_svg(const UsagePicture& picture);

}  // namespace divvy::app
