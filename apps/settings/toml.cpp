#include "apps/settings/toml.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "apps/settings/options.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

constexpr std::string_view kSpaces = " \t\r";

/// The characters that have a short escape, and their letters.
constexpr std::pair<char, char> kEscapes[] = {{'"', '"'}, {'\\', '\\'}, {'\n', 'n'}, {'\t', 't'}, {'\r', 'r'}};

class LineParser {
 public:
  LineParser(std::string_view line, int number) : line_(line), number_(number) {
    if (line.size() > kMostSettingBytes) {
      refuse(fmt::format("has {} bytes, at most {} are read", line.size(), kMostSettingBytes));
    }
  }

  bool is_empty() {
    skip_spaces();
    return at_end() || line_[at_] == '#';
  }

  std::pair<std::string, std::string> parse() {
    const std::string key = parse_key();
    skip_spaces();
    if (at_end() || line_[at_] != '=') refuse("is no `key = value`");
    ++at_;
    skip_spaces();
    const std::string value = parse_value(key);
    if (!is_empty()) refuse(fmt::format("has text after the value of '{}'", printable(key, 80)));
    return {key, value};
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    throw UsageError(fmt::format("line {} {}: {}", number_, problem, printable(line_, 80)));
  }

  bool at_end() const { return at_ >= line_.size(); }

  void skip_spaces() { at_ = std::min(line_.find_first_not_of(kSpaces, at_), line_.size()); }

  /// What stands up to the next of some characters.
  std::string_view up_to(std::string_view ends) {
    const size_t begin = at_;
    at_ = std::min(line_.find_first_of(ends, at_), line_.size());
    return line_.substr(begin, at_ - begin);
  }

  std::string parse_key() {
    constexpr size_t kMostBytes = 200;
    if (line_[at_] == '[') refuse("is a section; settings are plain `key = value` lines");
    const std::string key(up_to(" \t\r=#"));
    if (key.find('.') != std::string::npos) {
      refuse("has a dotted key, which stands in a section; settings are plain `key = value` lines");
    }
    if (key.empty()) refuse("has no key");
    if (key.size() > kMostBytes) refuse(fmt::format("has a key of {} bytes", key.size()));
    return key;
  }

  std::string parse_value(const std::string& key) {
    if (at_end() || line_[at_] == '#') refuse(fmt::format("has no value of '{}'", printable(key, 80)));
    switch (line_[at_]) {
      case '[':
      case '{': refuse(fmt::format("is no single value; '{}' needs one value", printable(key, 80)));
      case '"': return parse_string();
      case '\'': return parse_literal();
      default: return std::string(up_to(" \t\r#"));
    }
  }

  std::string parse_literal() {
    ++at_;
    std::string text(up_to("'"));
    if (at_end()) refuse("has a string without an end");
    ++at_;
    return text;
  }

  std::string parse_string() {
    std::string text;
    for (++at_; !at_end() && line_[at_] != '"'; ++at_) text += line_[at_] == '\\' ? parse_escape() : line_[at_];
    if (at_end()) refuse("has a string without an end");
    ++at_;
    return text;
  }

  /// Leaves the position at the last character of the escape.
  char parse_escape() {
    const char letter = ++at_ < line_.size() ? line_[at_] : '\0';
    for (const auto& [character, short_form] : kEscapes) {
      if (letter == short_form) return character;
    }
    const auto digit = [&](size_t i) {
      const size_t value = std::string_view("0123456789abcdef").find(i < line_.size() ? line_[i] : '\0');
      return value == std::string_view::npos ? 99 : static_cast<int>(value);
    };
    const int code = 16 * digit(at_ + 3) + digit(at_ + 4);
    if (letter != 'u' || line_.substr(at_ + 1, 2) != "00" || code >= 0x80) refuse("has an unknown escape");
    at_ += 4;
    return static_cast<char>(code);
  }

  std::string_view line_;
  int number_;
  size_t at_ = 0;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> parse_toml(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> settings;
  std::set<std::string> keys;
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    LineParser line(text.substr(0, end), ++number);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.is_empty()) continue;
    settings.push_back(line.parse());
    if (!keys.insert(settings.back().first).second) {
      throw UsageError(fmt::format("line {}: '{}' comes twice", number, printable(settings.back().first, 80)));
    }
  }
  return settings;
}

std::string toml_string(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    const auto* escape = std::ranges::find(kEscapes, c, &std::pair<char, char>::first);
    if (escape != std::end(kEscapes)) {
      text += {'\\', escape->second};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      text += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      text += c;
    }
  }
  return text + "\"";
}

}  // namespace divvy::app
