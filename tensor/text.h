#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Numbers and tables as people read them in a terminal.
namespace divvy {

/// "1,234,567".
std::string grouped(int64_t number);

/// Terminal columns of a UTF-8 text of characters that take one column each; color codes (ESC [ ... m) take none.
size_t display_width(const std::string& text);

struct TableStyle {
  bool rule = true;         ///< a line of ─ between the header and the rows
  std::string indent = {};  ///< what every line begins with
};

/// An aligned table: a header, a rule, then the rows, with two spaces between columns. Columns whose cells all begin
/// like numbers, or are empty, "-" or "·", stand to the right, others to the left. A row with fewer cells than the
/// header is filled up with empty ones; without a header there are as many columns as in the longest row, and no rule.
/// Throws ValueError for a row with more cells than the header.
std::string text_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                       const TableStyle& style = {});

}  // namespace divvy
