#pragma once

#include <string>
#include <vector>

namespace divvy::app {

/// An aligned table for a terminal: a header, a rule, then the rows, with two spaces between columns. Columns whose
/// cells all begin like numbers, or are empty or "-", stand to the right, others to the left. Cells are UTF-8; a row
/// with fewer cells than the header is filled up with empty ones. Throws ValueError for a row with more.
std::string text_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);

/// Terminal columns of a UTF-8 text of characters that take one column each.
size_t display_width(const std::string& text);

}  // namespace divvy::app
