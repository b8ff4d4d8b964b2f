#include "tensor/text.h"

#include <algorithm>
#include <string_view>

#include "tensor/error.h"

namespace divvy {

namespace {

/// The end of the color code that begins at `at`, or `at` if there is none.
size_t after_color(std::string_view text, size_t at) {
  if (!text.substr(at).starts_with("\x1b[")) return at;
  return std::min(text.find('m', at), text.size() - 1) + 1;
}

bool looks_like_a_number(std::string_view cell) {
  size_t at = 0;
  while (at < cell.size() && (cell[at] == ' ' || after_color(cell, at) != at))
    at = std::max(at + 1, after_color(cell, at));
  cell.remove_prefix(at);
  if (cell.empty() || cell == "-" || cell == "·") return true;
  if (cell.front() == '-' || cell.front() == '+') cell.remove_prefix(1);
  return !cell.empty() && (cell.front() == '.' || (cell.front() >= '0' && cell.front() <= '9'));
}

/// The bytes of the UTF-8 character that begins at `at`, or 0 if none does.
size_t character_bytes(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  const size_t bytes = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, halves of surrogate pairs, and numbers beyond the last character.
  const bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                     (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return wrong ? 0 : bytes;
}

struct Column {
  size_t width = 0;
  bool right = true;

  std::string padded(const std::string& cell) const {
    const std::string space(width - std::min(width, display_width(cell)), ' ');
    return right ? space + cell : cell + space;
  }
};

std::string line(const std::vector<Column>& columns, const std::vector<std::string>& cells, const std::string& indent) {
  std::string text = indent;
  for (size_t c = 0; c < columns.size(); ++c) {
    text += (c == 0 ? "" : "  ") + columns[c].padded(c < cells.size() ? cells[c] : "");
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

}  // namespace

std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  const size_t first = digits.front() == '-' ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

size_t display_width(const std::string& text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t next = after_color(text, at);
    // A byte 10xxxxxx continues the previous character.
    if (next == at) width += (text[at] & 0xc0) != 0x80 ? 1 : 0;
    at = std::max(next, at + 1);
  }
  return width;
}

bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = character_bytes(text, at);
    if (bytes == 0) return false;
    at += bytes;
  }
  return true;
}

std::string printable(std::string_view text, size_t most_bytes) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    if (text.size() > most_bytes && at >= most_bytes / 2 && at < text.size() - most_bytes / 2) {
      result += "...";
      at = text.size() - most_bytes / 2;
      while (at < text.size() && (text[at] & 0xc0) == 0x80) ++at;
      continue;
    }
    const size_t bytes = character_bytes(text, at);
    const auto first = static_cast<unsigned char>(text[at]);
    const bool control = first < 0x20 || first == 0x7f || (first == 0xc2 && bytes == 2 && (text[at + 1] & 0x60) == 0);
    if (bytes == 0 || control) {
      result += fmt::format("\\x{:02x}", first);
      ++at;
    } else {
      result += text.substr(at, bytes);
      at += bytes;
    }
  }
  return result;
}

std::string text_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                       const TableStyle& style) {
  std::vector<Column> columns(header.size());
  for (size_t c = 0; c < header.size(); ++c) columns[c] = {display_width(header[c]), !rows.empty()};
  for (const auto& row : rows) {
    if (!header.empty() && row.size() > header.size()) {
      fail<ValueError>("table: {} cells in a row of {} columns", row.size(), header.size());
    }
    columns.resize(std::max(columns.size(), row.size()));
    for (size_t c = 0; c < row.size(); ++c) {
      columns[c].width = std::max(columns[c].width, display_width(row[c]));
      columns[c].right = columns[c].right && looks_like_a_number(row[c]);
    }
  }
  std::string text;
  if (!header.empty()) text = line(columns, header, style.indent);
  if (!header.empty() && style.rule) {
    std::vector<std::string> rules;
    for (const Column& column : columns) {
      std::string& rule = rules.emplace_back();
      for (size_t i = 0; i < column.width; ++i) rule += "─";
    }
    text += line(columns, rules, style.indent);
  }
  for (const auto& row : rows) text += line(columns, row, style.indent);
  return text;
}

}  // namespace divvy
