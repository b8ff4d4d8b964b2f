#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace divvy {

/// The number of insertions, deletions, substitutions and swaps of neighboring letters that turn one word into the
/// other (optimal string alignment distance).
size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate with the least edit distance to a mistyped word, or "" if none is near enough to be what was meant.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// The end of an error message about an unknown name: ", did you mean 'green'?; known are red, green".
std::string suggestion(std::string_view name, const std::vector<std::string>& known);

}  // namespace divvy
