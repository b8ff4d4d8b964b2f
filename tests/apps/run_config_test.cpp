#include "apps/run/run_config.h"

#include "tensor/error.h"
#include "tests/apps/workplace.h"
#include "tests/support/catch.h"

namespace divvy::test {

using namespace app;
namespace fs = std::filesystem;

TEST_CASE("a damaged config.toml is refused, whatever byte it is") {
  const TemporaryFolder work;
  const fs::path path = work / "config.toml";
  const std::string settings = "experts = 3\nk = 2\nseed = 42\n", whole = with_checksum(settings);
  write_bytes(path, whole);
  CHECK(read_config(path) == settings);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string text = whole;
    for (const char flip : {'\x01', '\x10', '\x80'}) {
      text[at] = static_cast<char>(whole[at] ^ flip);
      write_bytes(path, text);
      CHECK_THROWS_AS(read_config(path), CheckpointError);
    }
    write_bytes(path, whole.substr(0, at));
    CHECK_THROWS_AS(read_config(path), CheckpointError);
    write_bytes(path, whole.substr(0, at) + whole.substr(at + 1));
    CHECK_THROWS_AS(read_config(path), CheckpointError);
  }
  write_bytes(path, settings + "# checksum none\n");
  CHECK(read_config(path) == settings);
}

TEST_CASE("a run whose settings were edited says how to go on") {
  const Workplace work;
  REQUIRE(work.run(kSmall + "--run-dir run").code == 0);
  CHECK(work.run("eval run").code == 0);
  const std::string config = work.read("run/config.toml");
  const size_t seed = config.find("seed = 42");
  REQUIRE(seed != std::string::npos);
  std::string edited = config;
  edited.replace(seed, 9, "seed = 43");
  work.write("run/config.toml", edited);
  const Result refused = work.run("eval run");
  CHECK(refused.code == 4);
  CHECK(mentions(refused.err, "write '# checksum none' in the place of its last line"));
  edited.replace(edited.find("# checksum "), std::string::npos, "");
  work.write("run/config.toml", edited);
  const Result cut = work.run("eval run");
  CHECK(cut.code == 4);
  CHECK(mentions(cut.err, "append the line '# checksum none'"));
  work.write("run/config.toml", edited + "# checksum none\n");
  CHECK(work.run("eval run").code == 0);
}

}  // namespace divvy::test
