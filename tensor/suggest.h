#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace divvy {

/// How many letters must be inserted, deleted, substituted or swapped with their neighbor to make one word of the other
/// (optimal string alignment).
size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate with the least edit distance to a mistyped word, or "" where none is near enough to be what was meant.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// The end of an error about an unknown name: ", did you mean 'green'?; known are red, green".
std::string suggestion(std::string_view name, const std::vector<std::string>& known);

}  // namespace divvy
