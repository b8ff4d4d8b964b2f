#pragma once

#include <string>

namespace divvy::app {

/// All that `divvy train` can be asked for by name: models, gates, outputs, losses and regularizers, recipes, quirks,
/// class lists, networks and data sets, in groups under the option that takes them, one line each.
std::string listing();

}  // namespace divvy::app
