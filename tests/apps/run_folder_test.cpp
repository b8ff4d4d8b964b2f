// Run folders: each has one run, wherever its name comes from.

#include "apps/run/run_folder.h"

#include <atomic>
#include <thread>

#include "apps/run/sweep_plan.h"
#include "apps/settings/options.h"
#include "tensor/error.h"
#include "tests/apps/workplace.h"
#include "tests/support/catch.h"

namespace divvy::test {

using namespace app;
namespace fs = std::filesystem;

TEST_CASE("of many that make a run folder at once, one gets it") {
  const TemporaryFolder work;
  for (int round = 0; round < 20; ++round) {
    const fs::path path = work / ("run" + std::to_string(round));
    std::atomic<int> made = 0, refused = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        try {
          const RunFolder folder = RunFolder::create(path);
          ++made;
        } catch (const CheckpointError&) {
          ++refused;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(made == 1);
    CHECK(refused == 3);
  }
}

TEST_CASE("runs of one name that start in the same second have folders of their own") {
  const Workplace work;
  const std::string train = program_path() + " train --data con-circles --experts 2 --fast-dev-run --quiet --name same";
  std::string all = "doctor >/dev/null; ";
  for (int i = 0; i < 4; ++i) all += train + " & ";
  work.run(all + "wait; true");
  int folders = 0;
  for (const auto& entry : fs::directory_iterator(work.path() / "runs")) {
    ++folders;
    const std::string metrics = read_bytes(entry.path() / "metrics.csv");
    CHECK(std::ranges::count(metrics, '\n') == 2);
  }
  CHECK(folders == 4);
}

TEST_CASE("a run folder is held as long as its run, and known while it is empty") {
  const TemporaryFolder work;
  const fs::path path = work / "a/b/run/";
  {
    const RunFolder folder = RunFolder::create(path);
    CHECK(RunFolder::in_use(path));
    CHECK(RunFolder::is_unfilled(path));
    folder.write_text("config.toml", "");
    CHECK(!RunFolder::is_unfilled(path));
  }
  CHECK(!RunFolder::in_use(path));
  CHECK(!RunFolder::in_use(work / "missing"));
  CHECK(!RunFolder::is_unfilled(work / "missing"));
  CHECK_THROWS_AS(RunFolder::create(path), CheckpointError);
  CHECK_THROWS_AS(RunFolder::create(work.path()), CheckpointError);
  fs::create_symlink("nowhere", work / "link");
  CHECK_THROWS_AS(RunFolder::create(work / "link"), CheckpointError);
  write_bytes(work / "file", "");
  CHECK_THROWS_AS(RunFolder::create(work / "file/run"), CheckpointError);
}

TEST_CASE("no name leaves the folder in which runs are") {
  CHECK_NOTHROW(require_folder_name("--name", "größer, k=2"));
  const Workplace work;
  for (const std::string name : {"", ".", "..", "../../x", "a/b", "/x", "a\nb", "a\x7f", "a\xff"}) {
    INFO(name);
    CHECK_THROWS_AS(require_folder_name("--name", name), UsageError);
    SweepConfig sweep;
    sweep.experiments = {"folder/" + name + ".toml"};
    const bool only_dots = name.find_first_not_of("./") == std::string::npos;
    if (name.find('/') == std::string::npos && !only_dots) CHECK_THROWS_AS(plan_sweep(sweep), UsageError);
  }
  CHECK_THROWS_AS(require_folder_name("--name", std::string(201, 'a')), UsageError);
  const Result result = work.run("train --fast-dev-run --name ../../x");
  CHECK(result.code == 2);
  CHECK(mentions(result.err, "--name: '../../x' has a '/'"));
  CHECK(!fs::exists(work.path() / "runs"));

  const auto refused = [](const std::string& grid) {
    SweepConfig sweep;
    sweep.grid = {grid};
    CHECK_THROWS_AS(plan_sweep(sweep), UsageError);
  };
  refused("../x=1");
  refused("k=a\nb");
  refused("k=\xff");
  refused("k=" + std::string(300, '1'));
  refused("class-lists=0/1,0_1");  // both would have one folder
  SweepConfig sweep;
  sweep.experiments = {"..toml"};
  CHECK_THROWS_AS(plan_sweep(sweep), UsageError);
  sweep.experiments = {};
  sweep.grid = {"class-lists=../../x"};
  CHECK(plan_sweep(sweep).front().folder == fs::path("sweep/run,class-lists=.._.._x/seed-1"));
  sweep.seeds = 1'000'000;
  CHECK_THROWS_AS(plan_sweep(sweep), UsageError);
}

TEST_CASE("files of a run that are no JSON, or nested without end, are refused") {
  const TemporaryFolder work;
  const fs::path path = work / "summary.json";
  std::string deep = "1";
  for (int i = 0; i < 100'000; ++i) deep = "{\"a\":" + deep;
  for (const std::string& text : {std::string(), std::string("{"), std::string("[1]"), std::string("{\"a\":1e999}"),
                                  deep, deep + std::string(100'000, '}'), std::string(1'000'000, '[')}) {
    write_bytes(path, text);
    CHECK_THROWS_AS(read_run_json(path), CheckpointError);
  }
  write_bytes(path, R"({"a": {"b": [1, {"c": 2}]}})");
  CHECK(read_run_json(path)["a"]["b"][1]["c"] == 2);
}

}  // namespace divvy::test
