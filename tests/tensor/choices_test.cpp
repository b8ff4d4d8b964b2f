#include "tensor/choices.h"

#include "tests/support/catch.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

enum class Color { red, green, unnamed };
constexpr Choice<Color> kColors[] = {{Color::red, "red", "as blood"}, {Color::green, "light-green"}};
constexpr std::span<const Choice<Color>> choices(Color) { return kColors; }

}  // namespace

TEST_CASE("a choice is parsed, printed, listed and suggested by its table") {
  CHECK(parse_choice<Color>("light-green") == Color::green);
  CHECK(name_of(Color::green) == "light-green");
  CHECK(name_of(Color::unnamed) == "");
  CHECK(names_of_choices<Color>() == std::vector<std::string>{"red", "light-green"});
  CHECK(refusal<ValueError>([] { parse_choice<Color>("lightgreen"); }) ==
        "'lightgreen' is not known, did you mean 'light-green'?; known are red, light-green");
  CHECK(refusal<ValueError>([] { parse_choice<Color>(""); }) == "'' is not known; known are red, light-green");
}

}  // namespace divvy::test
