// Standard streams that are closed, full, or without a reader.

#include <algorithm>

#include "tests/apps/workplace.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace fs = std::filesystem;

namespace {

/// The exit status of a shell command in the workplace, where $divvy is the program.
int status_of(const Workplace& work, const std::string& command) {
  const std::string line = "cd " + work.path().string() + " && divvy=" + program_path() + " && { " + command + "; }";
  const int status = std::system(line.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const std::string kTrain = "$divvy train --data con-circles --experts 2 --epochs 2 --run-dir ";

}  // namespace

TEST_CASE("closed standard streams are not replaced by files of the run") {
  const Workplace work;
  for (const std::string closed : {"0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"}) {
    const std::string run = "run" + std::to_string(closed.size()) + closed.substr(0, 1);
    CHECK(status_of(work, kTrain + run + " >out.txt 2>err.txt " + closed) == 0);
    CHECK(rows_of(work, run).size() == 2);
    const std::string metrics = work.read(run + "/metrics.csv");
    CHECK(metrics.starts_with("epoch,"));
    CHECK(std::ranges::count(metrics, '\n') == 3);
  }
}

TEST_CASE("without room for messages a run goes on") {
  const Workplace work;
  CHECK(status_of(work, kTrain + "run 2>/dev/full >out.txt") == 0);
  CHECK(fs::exists(work.path() / "run/summary.json"));
  CHECK(status_of(work, "$divvy train --model nothing 2>/dev/full") == 2);
}

TEST_CASE("output that cannot be written is an error") {
  const Workplace work;
  REQUIRE(work.run(kSmall + "--run-dir run").code == 0);
  for (const std::string command : {"eval run", "doctor", "data", "train --list", "train --dry-run", "--help", ""}) {
    INFO(command);
    const int code = status_of(work, "$divvy " + command + " >/dev/full 2>err.txt");
    CHECK(code == (command.empty() ? 2 : 1));
    if (code == 1) CHECK(work.read("err.txt") == "divvy: the output cannot be written: No space left on device\n");
  }
}

TEST_CASE("a training whose reader goes away is saved") {
  const Workplace work;
  status_of(work, "{ " + kTrain + "run 2>&1; echo $? >code; } | head -n 1 >head.txt");
  CHECK(fs::exists(work.path() / "run/summary.json"));
  CHECK(rows_of(work, "run").size() == 2);
  CHECK(work.read("code") == "141\n");
  status_of(work, "{ $divvy train --list 2>err.txt; echo $? >code; } | true");
  CHECK(work.read("err.txt").empty());
}

}  // namespace divvy::test
