#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace divvy::app {

/// The candidate nearest to a mistyped word (optimal string alignment: insertions, deletions, substitutions and swaps),
/// or
/// "" where none is near enough to be what was meant.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace divvy::app
