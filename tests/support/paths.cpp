#include "tests/support/paths.h"

namespace divvy::test {

std::string program_path() { return DIVVY_BINARY; }
std::string source_path() { return DIVVY_SOURCE; }
std::string fixture_path(const std::string& name) { return source_path() + "/tests/fixtures/" + name; }

}  // namespace divvy::test
