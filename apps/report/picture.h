#pragma once

#include <string>

#include "datasets/dataset.h"
#include "moe/analysis/record.h"

namespace divvy::app {

/// The heading of a picture.
struct PictureText {
  std::string title;     ///< "10 experts divide mnist"
  std::string subtitle;  ///< accuracy and entropies
};

/// How the experts divided a data set, as a self-contained SVG: a heat map of class by expert, each expert's share of
/// all samples, and below, for images, some of the samples that were routed to each expert; for two features, the plane
/// with each sample in the color of its expert. `record` must be of the samples of `dataset`, in their order.
std::string division_svg(const PictureText& text, const moe::Record& record, const data::Dataset& dataset);

}  // namespace divvy::app
