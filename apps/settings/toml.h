#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The part of TOML (toml.io) that settings need: lines `key = value`, where a value is a "string", a 'literal string'
/// or one word, such as a number; and comments. Time and memory grow with the length of the text alone.
namespace divvy::app {

/// Keys and values in their order. Throws UsageError, with the line, for all else: sections, dotted keys, arrays, text
/// after a value, lines of more than kMostSettingBytes bytes, and a key that comes twice.
std::vector<std::pair<std::string, std::string>> parse_toml(std::string_view text);

/// A value as a "string" that parse_toml() reads back, whatever its characters.
std::string toml_string(std::string_view value);

}  // namespace divvy::app
