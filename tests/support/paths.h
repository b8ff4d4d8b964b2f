#pragma once

#include <string>

/// Paths of the program and files that tests use. Only paths.cpp contains them, so that the objects of the tests do not
/// depend on the folder of the checkout and a compiler cache can share them.
namespace divvy::test {

/// The program `divvy` of this build.
std::string program_path();
/// The root of the source tree.
std::string source_path();
/// `name` in tests/fixtures.
std::string fixture_path(const std::string& name);

}  // namespace divvy::test
