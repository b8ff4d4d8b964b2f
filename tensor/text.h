#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Formatting of numbers and tables for a terminal.
namespace divvy {

/// The number with thousands separators: "1,234,567".
std::string grouped(int64_t number);

/// The terminal columns that a UTF-8 text takes, one for each character and none for color codes (ESC [ ... m).
size_t display_width(const std::string& text);

/// Whether a text is valid UTF-8.
bool is_utf8(std::string_view text);

/// A text for a message of one line: control characters and bytes that are no UTF-8 as \xNN, and of more than
/// `most_bytes` bytes only the beginning and the end, with "..." between them.
std::string printable(std::string_view text, size_t most_bytes);

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
