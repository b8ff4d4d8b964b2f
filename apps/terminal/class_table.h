#pragma once

#include <string>
#include <vector>

#include "moe/analysis/metrics.h"

namespace divvy::app {

/// A table of class by expert for a terminal: the share of each class that each expert took, in percent, shaded if
/// `color`; the last row is each expert's share of all samples. `names` has one name for each class.
std::string class_expert_text(const moe::Counts& counts, const std::vector<std::string>& names, bool color);

}  // namespace divvy::app
