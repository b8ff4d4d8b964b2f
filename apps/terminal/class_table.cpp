#include "apps/terminal/class_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "tensor/text.h"

namespace divvy::app {

namespace {

std::string cell(int64_t count, int64_t total, bool color) {
  const double percent = total == 0 ? 0 : 100.0 * static_cast<double>(count) / static_cast<double>(total);
  const std::string text = count == 0 ? "  ·" : fmt::format("{:3.0f}", percent);
  if (!color || percent < 5) return text;
  // From blue to white in the 256-color palette, with dark text on the light colors.
  static constexpr int backgrounds[] = {17, 18, 19, 26, 33, 39, 81, 123};
  const auto step = static_cast<size_t>(std::min(7.0, percent / 12.5));
  return fmt::format("\x1b[48;5;{}m\x1b[38;5;{}m{}\x1b[0m", backgrounds[step], step < 4 ? 255 : 16, text);
}

std::vector<std::string> row_of(const std::string& name, const std::vector<int64_t>& counts, bool color) {
  const int64_t total = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  std::vector<std::string> row{name};
  for (int64_t count : counts) row.push_back(cell(count, total, color));
  row.push_back(fmt::format("{}", total));
  return row;
}

}  // namespace

std::string class_expert_text(const moe::Counts& counts, const std::vector<std::string>& names, bool color) {
  std::vector<int64_t> all(counts.empty() ? 0 : counts.front().size());
  std::vector<std::string> header{"% of class"};
  for (size_t e = 0; e < all.size(); ++e) header.push_back(fmt::format("{:>3}", fmt::format("e{}", e)));
  header.emplace_back("samples");
  std::vector<std::vector<std::string>> rows;
  for (size_t c = 0; c < counts.size(); ++c) {
    rows.push_back(row_of(names[c], counts[c], color));
    for (size_t e = 0; e < all.size(); ++e) all[e] += counts[c][e];
  }
  rows.push_back(row_of("all", all, color));
  return text_table(header, rows, {.rule = false});
}

}  // namespace divvy::app
