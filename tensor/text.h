#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Formatting of numbers and tables for a terminal.
namespace divvy {

/// The number with thousands separators: "1,234,567".
std::string grouped(int64_t number);

/// The terminal columns that a UTF-8 text takes, one for each character and none for color codes (ESC [ ... m).
size_t display_width(const std::string& text);

struct TableStyle {
  bool rule = true;         ///< a line of ─ between the header and the rows
  std::string indent = {};  ///< what every line begins with
};

/// An aligned table: a header, a rule, then the rows, with two spaces between columns. Columns whose cells all begin
/// like numbers, or are empty, "-" or "·", are aligned right, others left. A row with fewer cells than the header is
/// padded with empty ones; without a header there is no rule, and the longest row determines the number of columns.
/// Throws ValueError for a row with more cells than the header.
std::string text_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                       const TableStyle& style = {});

}  // namespace divvy
