#include "apps/terminal/class_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace divvy::app {

namespace {

std::string cell(int64_t count, int64_t total, bool color) {
  const double percent = total == 0 ? 0 : 100.0 * static_cast<double>(count) / static_cast<double>(total);
  const std::string text = count == 0 ? "    ·" : fmt::format("{:5.0f}", percent);
  if (!color || percent < 5) return text;
  // Blue to white in the 256-color cube, dark text on the light end.
  static constexpr int backgrounds[] = {17, 18, 19, 26, 33, 39, 81, 123};
  const auto step = static_cast<size_t>(std::min(7.0, percent / 12.5));
  return fmt::format("\x1b[48;5;{}m\x1b[38;5;{}m{}\x1b[0m", backgrounds[step], step < 4 ? 255 : 16, text);
}

}  // namespace

std::string class_expert_text(const moe::Counts& counts, const std::vector<std::string>& names, bool color) {
  size_t widest = 10;
  for (const std::string& name : names) widest = std::max(widest, name.size());
  const size_t experts = counts.empty() ? 0 : counts.front().size();
  std::string text = fmt::format("{:<{}}", "% of class", widest);
  for (size_t e = 0; e < experts; ++e) text += fmt::format("{:>5}", fmt::format("e{}", e));
  text += "  samples\n";
  std::vector<int64_t> mass(experts, 0);
  for (size_t c = 0; c < counts.size(); ++c) {
    const int64_t total = std::accumulate(counts[c].begin(), counts[c].end(), int64_t{0});
    text += fmt::format("{:<{}}", names[c], widest);
    for (size_t e = 0; e < experts; ++e) {
      text += cell(counts[c][e], total, color);
      mass[e] += counts[c][e];
    }
    text += fmt::format("  {:>7}\n", total);
  }
  const int64_t all = std::accumulate(mass.begin(), mass.end(), int64_t{0});
  text += fmt::format("{:<{}}", "all", widest);
  for (int64_t m : mass) text += cell(m, all, color);
  return text + fmt::format("  {:>7}\n", all);
}

}  // namespace divvy::app
