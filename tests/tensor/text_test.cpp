#include "tensor/text.h"

#include <limits>

#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"

namespace divvy::test {

TEST_CASE("counts have their thousands apart") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(grouped(-1234) == "-1,234");
  CHECK(grouped(-123) == "-123");
  CHECK(grouped(std::numeric_limits<int64_t>::min()) == "-9,223,372,036,854,775,808");
}

TEST_CASE("tables align text to the left and numbers to the right") {
  CHECK(text_table({"name", "n", "±"}, {{"é", "1", "0.5 ± 1"}, {"long name", "-20"}}) ==
        "name         n        ±\n"
        "─────────  ───  ───────\n"
        "é            1  0.5 ± 1\n"
        "long name  -20\n");
  CHECK(text_table({"a"}, {}) == "a\n─\n");
  CHECK(text_table({"a", ""}, {{"·", "x"}, {"12"}}, {.rule = false, .indent = "> "}) == ">  a\n>  ·  x\n> 12\n");
  CHECK(text_table({}, {{"a", "bc"}, {"def", "g"}}) == "a    bc\ndef  g\n");
  CHECK(text_table({}, {}).empty());
  CHECK(display_width("é±x") == 3);
  CHECK(display_width("\x1b[48;5;17m 42\x1b[0m") == 3);
  CHECK(display_width("a\x1b[3") == 1);  // a code without an end
  CHECK(text_table({"n"}, {{"\x1b[1m 7\x1b[0m"}, {"100"}}, {.rule = false}) == "  n\n \x1b[1m 7\x1b[0m\n100\n");
  CHECK(refusal<ValueError>([] { text_table({"a"}, {{"1", "2"}}); }) == "table: 2 cells in a row of 1 columns");
}

TEST_CASE("texts of users are printable on one line of bounded length") {
  CHECK(printable("plain é ±", 100) == "plain é ±");
  CHECK(printable("a\nb\x1b[1m\x7f", 100) == "a\\x0ab\\x1b[1m\\x7f");
  CHECK(printable("\xc2\x85 \xff \xc3", 100) == "\\xc2\\x85 \\xff \\xc3");
  CHECK(printable(std::string(1000, 'a') + "z", 10) == "aaaaa...aaaaz");
  CHECK(printable("ééééé", 6) == "éé...é");
  CHECK(is_utf8("é±€😀"));
  for (const char* wrong : {"\xff", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80"}) {
    CHECK(!is_utf8(wrong));
  }
}

}  // namespace divvy::test
