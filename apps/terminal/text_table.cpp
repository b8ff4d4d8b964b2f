#include "apps/terminal/text_table.h"

#include <algorithm>

#include "tensor/error.h"

namespace divvy::app {

namespace {

bool looks_like_a_number(const std::string& cell) {
  if (cell.empty() || cell == "-") return true;
  const size_t at = cell.front() == '-' || cell.front() == '+' ? 1 : 0;
  return at < cell.size() && (cell[at] == '.' || (cell[at] >= '0' && cell[at] <= '9'));
}

std::string padded(const std::string& cell, size_t width, bool right) {
  const std::string space(width - std::min(width, display_width(cell)), ' ');
  return right ? space + cell : cell + space;
}

std::string line(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

}  // namespace

size_t display_width(const std::string& text) {
  // A byte 10xxxxxx goes on with the character before it.
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string text_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  const size_t columns = header.size();
  std::vector<size_t> width(columns);
  std::vector<bool> right(columns, !rows.empty());
  for (size_t c = 0; c < columns; ++c) width[c] = display_width(header[c]);
  for (const auto& row : rows) {
    if (row.size() > columns) fail<ValueError>("table: {} cells in a row of {} columns", row.size(), columns);
    for (size_t c = 0; c < row.size(); ++c) {
      width[c] = std::max(width[c], display_width(row[c]));
      right[c] = right[c] && looks_like_a_number(row[c]);
    }
  }
  std::string head, rule, text;
  for (size_t c = 0; c < columns; ++c) {
    const std::string gap = c == 0 ? "" : "  ";
    head += gap + padded(header[c], width[c], right[c]);
    for (size_t i = 0; i < gap.size() + width[c]; ++i) rule += i < gap.size() ? " " : "─";
  }
  for (const auto& row : rows) {
    std::string cells;
    for (size_t c = 0; c < columns; ++c) {
      cells += (c == 0 ? "" : "  ") + padded(c < row.size() ? row[c] : "", width[c], right[c]);
    }
    text += line(cells);
  }
  return line(head) + line(rule) + text;
}

}  // namespace divvy::app
