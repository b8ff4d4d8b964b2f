#pragma once

#include <CLI/CLI.hpp>
#include <limits>
#include <string>
#include <vector>

#include "tensor/choices.h"

/// What the values of options are checked and parsed by, and how their defaults are shown.
namespace divvy::app {

/// Numbers in [low, high], or above `low` where that is open; CLI11's own checks let "nan" and "1e400" pass.
CLI::Validator number(double low, double high = std::numeric_limits<double>::infinity(), bool open = false);

/// One of some names; the error has the nearest one.
CLI::Validator one_of(std::vector<std::string> names);

/// An option that is parsed where it enters; an error of parse(text) is one of the option. `usual`: its default, as it
/// is shown.
template <class Parse>
CLI::Option* parsed_option(CLI::App& command, const std::string& option, const std::string& usual,
                           const std::string& help, Parse parse) {
  const auto set = [option, parse](const std::string& text) {
    try {
      parse(text);
    } catch (const ValueError& error) {
      throw CLI::ValidationError(option, error.what());
    }
  };
  return command.add_option_function<std::string>(option, set, help)->default_str(usual);
}

/// One value of an enum that has a table.
template <class Enum>
CLI::Option* choice_option(CLI::App& command, const std::string& option, Enum& value, const std::string& help) {
  return parsed_option(command, option, std::string(name_of(value)), help,
                       [&value](const std::string& text) { value = parse_choice<Enum>(text); });
}

/// The names of rows that have one.
template <class Rows>
std::vector<std::string> names_of(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return names;
}

}  // namespace divvy::app
