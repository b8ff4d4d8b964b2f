#pragma once

#include <string>
#include <vector>

namespace divvy::test {

/// Empty where a text is a well-formed SVG document as far as a browser cares: every element is closed in order, every
/// attribute is quoted and comes once, no bare < or & stands in a text. Otherwise what is wrong.
inline std::string svg_fault(const std::string& svg) {
  std::vector<std::string> open;
  if (!svg.starts_with("<svg ")) return "does not begin with <svg";
  for (size_t at = 0; at < svg.size();) {
    if (svg[at] == '&') {
      const size_t end = svg.find(';', at);
      if (end == std::string::npos || end - at > 5) return "bare & at: " + svg.substr(at, 40);
    }
    if (svg[at] == '>') return "bare > at: " + svg.substr(at, 40);
    if (svg[at] != '<') {
      ++at;
      continue;
    }
    const bool closing = svg[at + 1] == '/';
    size_t i = at + 1 + closing;
    std::string name;
    while (i < svg.size() && std::isalpha(static_cast<unsigned char>(svg[i]))) name += svg[i++];
    if (name.empty()) return "bare < at: " + svg.substr(at, 40);
    std::vector<std::string> attributes;
    while (i < svg.size() && svg[i] != '>' && svg[i] != '/') {
      if (svg[i] == ' ' || svg[i] == '\n') {
        ++i;
        continue;
      }
      const size_t equals = svg.find('=', i);
      if (equals == std::string::npos || equals + 1 >= svg.size() || svg[equals + 1] != '"') {
        return "attribute without quotes at: " + svg.substr(i, 40);
      }
      const std::string attribute = svg.substr(i, equals - i);
      for (const auto& other : attributes) {
        if (other == attribute) return "attribute twice: " + attribute + " at: " + svg.substr(at, 80);
      }
      attributes.push_back(attribute);
      const size_t end = svg.find('"', equals + 2);
      if (end == std::string::npos) return "attribute without an end at: " + svg.substr(i, 40);
      const std::string value = svg.substr(equals + 2, end - equals - 2);
      if (value.find('<') != std::string::npos) return "< in an attribute: " + value;
      if (value.find("nan") != std::string::npos || value.find("inf") != std::string::npos)
        return "no number: " + value;
      i = end + 1;
    }
    const bool alone = svg[i] == '/';
    i += alone;
    if (i >= svg.size() || svg[i] != '>') return "element without an end at: " + svg.substr(at, 40);
    if (closing) {
      if (open.empty() || open.back() != name) return "</" + name + "> closes nothing";
      open.pop_back();
      if (open.empty() && i + 2 != svg.size()) return "text after the end";
    } else if (!alone) {
      open.push_back(name);
    }
    at = i + 1;
  }
  return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

inline size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

}  // namespace divvy::test
