#include "tensor/suggest.h"

#include "tests/support/catch.h"

namespace divvy::test {

TEST_CASE("a mistyped word finds the nearest candidate, and nonsense finds none") {
  const std::vector<std::string> words = {"--experts", "--epochs", "--importance", "--lr"};
  CHECK(nearest("--expert", words) == "--experts");
  CHECK(nearest("--epcohs", words) == "--epochs");
  CHECK(nearest("--imporatnce", words) == "--importance");
  CHECK(nearest("--zzzzzzzz", words) == "");
  CHECK(nearest("", {}) == "");
  const std::string longest(10'000'000, 'x');  // takes no time
  CHECK(nearest(longest, words) == "");
  CHECK(nearest("--lr", {longest, "--lrs"}) == "--lrs");
}

TEST_CASE("the edit distance counts insertions, deletions, substitutions and swaps of neighbors") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("minst", "mnist") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

}  // namespace divvy::test
