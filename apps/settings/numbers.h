#pragma once

#include <string>
#include <vector>

/// Numbers as users write them.
namespace divvy::app {

/// Positive numbers, comma-separated. Throws ValueError for another text.
std::vector<double> parse_numbers(const std::string& text);
/// "0.01,0.0001".
std::string numbers_text(const std::vector<double>& numbers);

/// The temperatures of a gate, epoch by epoch.
struct TemperaturePlan {
  std::vector<double> schedule;  ///< one an epoch; empty for one number
  double last = 1;
};
/// A number, or temperatures and the epochs that each lasts: "10x25,1x25,0.01x25". Throws ValueError,
/// also for more than a million epochs.
TemperaturePlan parse_temperatures(const std::string& text);
/// The shortest text that is parsed to it.
std::string temperatures_text(const TemperaturePlan& plan);

}  // namespace divvy::app
