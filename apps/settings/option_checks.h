#pragma once

#include <CLI/CLI.hpp>
#include <limits>
#include <string>
#include <vector>

/// What the values of options are checked by, and how their defaults are shown.
namespace divvy::app {

/// Numbers in [low, high], or above `low` where that is open; CLI11's own checks let "nan" and "1e400" pass.
CLI::Validator number(double low, double high = std::numeric_limits<double>::infinity(), bool open = false);

/// One of some names; the error has the nearest one.
CLI::Validator one_of(std::vector<std::string> names);

/// The names of rows that have one.
template <class Rows>
std::vector<std::string> names_of(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return names;
}

}  // namespace divvy::app
