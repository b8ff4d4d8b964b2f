#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/error.h"
#include "tensor/suggest.h"

namespace divvy {

/// A value of an enum and its name for users.
template <class Enum>
struct Choice {
  Enum value;
  std::string_view name;
  std::string_view summary = {};
};

/// The table of an enum, from which its values are parsed, printed, listed and suggested. It is declared beside the
/// enum:
///
///     enum class Color { red, green };
///     inline constexpr Choice<Color> kColors[] = {{Color::red, "red"}, {Color::green, "green"}};
///     constexpr std::span<const Choice<Color>> choices(Color) { return kColors; }
template <class Enum>
std::vector<std::string> names_of_choices() {
  std::vector<std::string> names;
  for (const Choice<Enum>& choice : choices(Enum())) names.emplace_back(choice.name);
  return names;
}

/// "" for a value that is not in the table.
template <class Enum>
std::string_view name_of(Enum value) {
  for (const Choice<Enum>& choice : choices(value)) {
    if (choice.value == value) return choice.name;
  }
  return "";
}

/// Throws ValueError for an unknown name; the message suggests the nearest one and lists all.
template <class Enum>
Enum parse_choice(std::string_view text) {
  for (const Choice<Enum>& choice : choices(Enum())) {
    if (choice.name == text) return choice.value;
  }
  fail<ValueError>("'{}' is not known{}", text, suggestion(text, names_of_choices<Enum>()));
}

}  // namespace divvy
