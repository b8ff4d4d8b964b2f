#include <algorithm>
#include <array>

#include "nn/module.h"

namespace divvy::nn {

namespace {

/// layer, kind, parameter with its shape, count
using Line = std::array<std::string, 4>;

std::string with_separators(int64_t count) {
  std::string digits = std::to_string(count);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

/// Text as wide as a reader sees it: bytes that continue a UTF-8 character take no place.
size_t width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string padding(const std::string& text, size_t to) { return std::string(to - std::min(to, width(text)), ' '); }

std::string layout(const std::vector<Line>& lines) {
  std::array<size_t, 4> widths{};
  for (const Line& line : lines) {
    for (size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], width(line[c]));
  }
  std::string text;
  for (const Line& line : lines) {
    std::string row;
    for (size_t c = 0; c + 1 < line.size(); ++c) row += line[c] + padding(line[c], widths[c]) + "  ";
    row += padding(line.back(), widths.back()) + line.back();
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

}  // namespace

std::string Module::summary() const {
  std::vector<Line> lines{{"layer", "kind", "parameter", "count"}};
  int64_t trainable = 0;
  std::vector<Variable> seen;
  for (const auto& [path, part] : named_modules()) {
    const bool container = part->parameters_.empty() && !part->children_.empty();
    if (container && path.empty()) continue;
    Line line{path.empty() ? "-" : path, part->describe(), "", ""};
    for (const auto& [name, parameter] : part->parameters_) {
      const auto same = [&v = parameter](const Variable& other) { return other.is(v); };
      const bool shared = std::any_of(seen.begin(), seen.end(), same);
      line[2] = name + " " + parameter.shape().to_string();
      if (shared) {
        line[2] += " (shared)";
      } else {
        seen.push_back(parameter);
        line[3] = with_separators(parameter.value().numel());
        if (parameter.requires_grad()) {
          trainable += parameter.value().numel();
        } else {
          line[2] += " (frozen)";
        }
      }
      lines.push_back(line);
      line = {};
    }
    if (part->parameters_.empty()) lines.push_back(line);
  }
  const int64_t total = parameter_count();
  lines.push_back({"total", "", "", with_separators(total)});
  if (trainable != total) lines.push_back({"of these learn", "", "", with_separators(trainable)});
  return layout(lines);
}

}  // namespace divvy::nn
