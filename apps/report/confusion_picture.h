#pragma once

#include <string>
#include <vector>

#include "moe/analysis/record.h"

namespace divvy::app {

/// Who confuses what: a map of label by prediction of the whole model, then one of each expert's own predictions for
/// the samples that the gate gave it, each row shaded by its share of the label's samples in that map. Up to twelve
/// classes the maps also show percents. `class_names`: empty or one for each class. A self-contained SVG. Throws
/// ValueError for a record that is empty or of a regression, and for names that do not fit.
std::string confusion_svg(const std::string& title, const std::string& subtitle, const moe::Record& record,
                          const std::vector<std::string>& class_names);

}  // namespace divvy::app
