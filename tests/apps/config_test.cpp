// Settings from files: what is read is bounded, and nothing is read as something else.

#include <sys/stat.h>

#include <algorithm>

#include "apps/settings/numbers.h"
#include "apps/settings/options.h"
#include "apps/settings/toml.h"
#include "tensor/error.h"
#include "tests/apps/workplace.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using namespace app;
namespace fs = std::filesystem;

TEST_CASE("a configuration file is a regular file of bounded size") {
  const Workplace work;
  const auto refused = [&](const std::string& file, const std::string& words) {
    const Result result = work.run("train --fast-dev-run --config " + file);
    INFO(file << ": " << result.err);
    CHECK(result.code == 2);
    CHECK(mentions(result.err, words));
    CHECK(result.err.size() < 1000);
    CHECK(std::ranges::count(result.err, '\n') == 1);
    CHECK(!fs::exists(work.path() / "runs"));
  };
  fs::create_directory(work.path() / "folder");
  REQUIRE(::mkfifo((work.path() / "pipe").c_str(), 0600) == 0);
  refused("folder", "is not a regular file");
  refused("pipe", "is not a regular file");
  refused("/dev/zero", "is not a regular file");
  refused("missing.toml", "No such file");
  work.write("large.toml", std::string((1 << 20) + 1, '#'));
  refused("large.toml", "at most 1048576 are expected");
  const auto text_refused = [&](const std::string& text, const std::string& words) {
    work.write("bad.toml", text);
    refused("bad.toml", words);
  };
  std::string dotted = "a";
  while (dotted.size() < 40'000) dotted += ".a";
  text_refused(dotted + " = 1\n", "line 1 has");
  text_refused(dotted.substr(0, 10'000) + " = 1\n", "section");
  text_refused("a.b = 1\n", "section");
  text_refused("[" + dotted.substr(0, 10'000) + "]\n", "section");
  text_refused(std::string(10'000, 'k') + " = 1\n", "a key of 10000 bytes");
  text_refused("[a.b.c]\nk = 1\n", "section");
  text_refused("k = 1\n" + std::string(1'000'000, 'k') + " = 1\n", "line 2 has 1000004 bytes");
  text_refused("k\x1b[31m = 1\n", "\\x1b");
  text_refused("expert-lr = [\n1,\n2]\n", "needs one value");
  text_refused("k = 1\nexperts = 2\nk = 2\n", "line 3: 'k' comes twice");
  text_refused("temperature = \"" + std::string(10'000, '9') + "\"\n", "number");
  for (int i = 0; i < 70; ++i) {
    work.write("f" + std::to_string(i) + ".toml", "extends = \"f" + std::to_string(i + 1) + ".toml\"\n");
  }
  const Result chain = work.run("train --dry-run --config f0.toml");
  CHECK(chain.code == 2);
  CHECK(mentions(chain.err, "more than 64 files extend each other"));
  CHECK(chain.err.size() < 5000);
}

TEST_CASE("a schedule of temperatures is bounded, whatever its text") {
  std::string text = "1x600000";
  CHECK(parse_temperatures(text).schedule.size() == 600'000);
  CHECK_THROWS_AS(parse_temperatures(text + "," + text), ValueError);
  while (text.size() < 2000) text += ",1x1000000";
  CHECK_THROWS_AS(parse_temperatures(text), ValueError);
}

TEST_CASE("settings are read as they are written, whatever their characters") {
  TrainConfig config;
  for (const std::string value : {"a b", "it's", "say \"x\"", "größe", "a=b#c", "both ' and \"", "two\nlines\t",
                                  "c:\\x", "\x01\x7f", "[1, 2]", " ", "\\u0041"}) {
    INFO(value);
    config.data_dir = value;
    const auto settings = parse_toml(to_toml(config));
    const auto found = std::ranges::find(settings, "data-dir", &std::pair<std::string, std::string>::first);
    REQUIRE(found != settings.end());
    CHECK(found->second == value);
    CHECK(parse_toml("k = " + toml_string(value) + " # comment").front().second == value);
  }
  using Settings = std::vector<std::pair<std::string, std::string>>;
  CHECK(parse_toml("a = 1\r\n\n# c\n\tb='x\\y\"' #\nc=\"\"\nd = word") ==
        Settings{{"a", "1"}, {"b", "x\\y\""}, {"c", ""}, {"d", "word"}});
  CHECK(parse_toml("").empty());
  for (const char* wrong :
       {"a", "a =", "a = # b", "= 1", "a = 1 2", "a = \"x", "a = 'x", "a = \"x\" y", "a = \"\\q\"", "a = \"\\u0",
        "a = \"\\u00ff\"", "a = \"x\\", "a = [1]", "a = {}", "a.b = 1", "[a]", "a = 1\na = 1", "a b = 1"}) {
    INFO(wrong);
    CHECK_THROWS_AS(parse_toml(wrong), UsageError);
  }
}

}  // namespace divvy::test
