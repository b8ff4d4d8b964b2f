#include "tensor/registry.h"

#include "tests/support/catch.h"

namespace divvy::test {

namespace {

struct Color {
  std::string name;
  int value = 0;
};

template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const ValueError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a registry keeps rows in order and finds them by name") {
  Registry<Color> colors("color", {{"red", 1}, {"green", 2}});
  const Color& red = colors.at("red");
  for (int i = 0; i < 1000; ++i) colors.add({"shade " + std::to_string(i), i});
  CHECK(&colors.at("red") == &red);  // rows stay where they are
  CHECK(colors.at("shade 999").value == 999);
  CHECK(colors.find("blue") == nullptr);
  CHECK(colors.find("green")->value == 2);
  CHECK(colors.size() == 1002);
  CHECK(colors.front().name == "red");
  const std::vector<std::string> names = colors.names();
  CHECK(std::vector<std::string>(names.begin(), names.begin() + 3) ==
        std::vector<std::string>{"red", "green", "shade 0"});
}

TEST_CASE("a registry refuses names that are taken, empty or unknown") {
  Registry<Color> colors("color", {{"red", 1}, {"green", 2}});
  CHECK(refusal([&] { colors.at("gren"); }) == "unknown color 'gren', did you mean 'green'?; known are red, green");
  CHECK(refusal([&] { colors.at("ultramarine"); }) == "unknown color 'ultramarine'; known are red, green");
  CHECK(refusal([&] { colors.at(std::string(100'000, 'x')); }).ends_with("known are red, green"));
  CHECK(refusal([&] { colors.add({"red", 3}); }) == "there is a color 'red' already");
  CHECK(refusal([&] { colors.add({"", 3}); }) == "a color needs a name");
  CHECK(refusal([] { Registry<Color>("color", {{"red", 1}, {"red", 2}}); }) == "there is a color 'red' already");
  CHECK(colors.at("red").value == 1);
  CHECK(Registry<Color>("color").names().empty());
}

}  // namespace divvy::test
