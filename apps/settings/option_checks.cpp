#include "apps/settings/option_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "tensor/suggest.h"
#include "tensor/text.h"

namespace divvy::app {

CLI::Validator number(double low, double high, bool open) {
  const std::string range = std::isinf(high) ? fmt::format("{} {}", open ? "greater than" : "at least", low)
                                             : fmt::format("from {} to {}", low, high);
  return CLI::Validator(
      [=](std::string& text) {
        char* end = nullptr;
        const double value = std::strtod(text.c_str(), &end);
        const bool good = end != text.c_str() && *end == '\0' && std::isfinite(value) &&
                          (open ? value > low : value >= low) && value <= high;
        return good ? std::string() : fmt::format("must be a number {}, got '{}'", range, printable(text, 80));
      },
      "");
}

CLI::Validator one_of(std::vector<std::string> names) {
  return CLI::Validator(
      [names = std::move(names)](std::string& text) -> std::string {
        if (std::ranges::find(names, text) != names.end()) return "";
        return fmt::format("'{}' is not known{}", printable(text, 80), suggestion(text, names));
      },
      "");
}

}  // namespace divvy::app
