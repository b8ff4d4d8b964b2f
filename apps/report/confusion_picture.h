#pragma once

#include <string>
#include <vector>

#include "moe/analysis/record.h"

namespace divvy::app {

/// Confusion matrices as a self-contained SVG: one of the whole model, then one of each expert's own predictions for
/// the samples that the gate gave it, each cell shaded by its share of the samples of its label. With at most twelve
/// classes the cells also show percentages. `class_names` is empty or has one name for each class. Throws ValueError
/// for a record that is empty or of a regression, and for a wrong number of names.
std::string confusion_svg(const std::string& title, const std::string& subtitle, const moe::Record& record,
                          const std::vector<std::string>& class_names);

}  // namespace divvy::app
