#pragma once

#include <filesystem>
#include <string>

/// The settings of a run in its folder. The last line is the checksum of those before it, so that a damaged file is not
/// taken for a run with other settings:
///
///     # checksum 1a2b3c4d
///
/// "# checksum none" accepts whatever was written by hand.
namespace divvy::app {

/// The text with its checksum.
std::string with_checksum(const std::string& text);

/// The text of such a file. Throws CheckpointError if it cannot be read, or its checksum is missing or wrong.
std::string read_config(const std::filesystem::path& path);

}  // namespace divvy::app
