#pragma once

#include <string>

namespace divvy::app {

/// All names that options of `divvy train` take: models, gates, outputs, losses and regularizers, recipes, quirks,
/// class lists, networks and data sets, grouped by option, one per line.
std::string listing();

}  // namespace divvy::app
