// Sweeps that are interrupted, disturbed, or repeated with other settings.

#include <sched.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "apps/run/sweep_state.h"
#include "tensor/cores.h"
#include "tests/apps/workplace.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace fs = std::filesystem;

namespace {

const std::string kSweep = "sweep --set data=con-circles --set experts=2 --seeds 1 --jobs 1 --out s ";

bool appears(const fs::path& path) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (!fs::exists(path) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return fs::exists(path);
}

}  // namespace

TEST_CASE("a signal to a sweep ends its runs, which save; another sweep stays out until then") {
  for (const int signal : {SIGTERM, SIGHUP}) {
    const Workplace work, other;
    Result result;
    std::thread runner([&] { result = work.run_in_background(kSweep + "--set epochs=1000000"); });
    const fs::path folder = work.path() / "s/run/seed-1";
    REQUIRE(appears(folder / "checkpoints/best/state.json"));
    const std::string out = " --out " + (work.path() / "s").string();
    const Result second = other.run(kSweep + "--set epochs=1" + out);
    CHECK(second.code == 4);
    CHECK(mentions(second.err, "another sweep is running in this folder"));
    const Result run = other.run("train --run-dir " + folder.string());
    CHECK(run.code == 4);
    CHECK(fs::exists(folder / "config.toml"));

    kill(std::stoi(work.read("pid")), signal);
    runner.join();
    CHECK(result.code == 130);
    CHECK(mentions(work.read("s/run/seed-1/output.log"), "interrupted in epoch"));
    CHECK(work.run("eval s/run/seed-1").code == 0);
    const Result again = work.run(kSweep + "--set epochs=1");
    CHECK(again.code == 4);
    CHECK(mentions(again.err, "epochs is 1000000 there and 1 now"));
    CHECK(fs::exists(folder / "config.toml"));
  }
}

TEST_CASE("a run that goes on outside a sweep is not removed by it") {
  const Workplace work;
  fs::create_directories(work.path() / "s/run");
  Result result;
  std::thread runner([&] {
    result =
        work.run_in_background("train --data con-circles --experts 2 --epochs 1000000 --seed 1 --run-dir s/run/seed-1");
  });
  REQUIRE(appears(work.path() / "s/run/seed-1/checkpoints/best/state.json"));
  const Workplace other;
  const Result sweep = other.run(kSweep + "--out " + (work.path() / "s").string() + " --set epochs=1000000");
  CHECK(sweep.code == 4);
  CHECK(mentions(sweep.err, "a training is running in this folder"));
  CHECK(fs::exists(work.path() / "s/run/seed-1/config.toml"));
  kill(std::stoi(work.read("pid")), SIGTERM);
  runner.join();
  CHECK(result.code == 130);
}

TEST_CASE("results of other settings are not taken for those of a sweep") {
  const Workplace work;
  REQUIRE(work.run(kSweep + "--set epochs=1").code == 0);
  const auto refused = [&](const std::string& settings, const std::string& words) {
    const Result result = work.run(kSweep + settings);
    INFO(result.err);
    CHECK(result.code == 4);
    CHECK(mentions(result.err, words));
    CHECK(summary_of(work, "s/run/seed-1")["epochs"] == 1);
  };
  refused("--set epochs=3", "epochs is 1 there and 3 now");
  refused("--set epochs=1 --set batch=16", "batch is not set there and 16 now");
  REQUIRE(work.run(kSweep + "--set epochs=1 --data-dir elsewhere").code == 0);
  // An experiment of the same name with other contents.
  fs::create_directory(work.path() / "e");
  work.write("e/run.toml", "importance = 0.5\n");
  refused("e/run.toml --set epochs=1", "importance is 0 there and 0.5 now");
  // A run of a version that did not note what it was given.
  fs::remove(work.path() / "s/run/seed-1.toml");
  refused("--set epochs=3", "epochs is 1 there and 3 now");
  CHECK(work.run(kSweep + "--set epochs=1").code == 0);
}

TEST_CASE("damaged files of a sweep are named, and what a killed run left is trained again") {
  const Workplace work;
  REQUIRE(work.run(kSweep + "--set epochs=1").code == 0);
  const std::string summary = work.read("s/run/seed-1/summary.json");
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "{\"a\":";
  for (const std::string& text : {deep + "1" + std::string(200'000, '}'), std::string(), std::string("{\"a\"")}) {
    work.write("s/run/seed-1/summary.json", text);
    const Result result = work.run(kSweep + "--set epochs=1");
    CHECK(result.code == 4);
    CHECK(mentions(result.err, "seed-1/summary.json: "));
    CHECK(std::ranges::count(result.err, '\n') <= 2);
  }
  // Killed before it wrote its settings.
  const fs::path folder = work.path() / "s/run/seed-1";
  fs::remove_all(folder);
  fs::create_directories(folder / "checkpoints");
  work.write("s/run/seed-1/metrics.csv", "");
  CHECK(work.run(kSweep + "--set epochs=1").code == 0);
  // Something else in the way is not removed.
  fs::remove_all(folder);
  fs::create_directories(folder);
  work.write("s/run/seed-1/thesis.tex", "");
  const Result refused = work.run(kSweep + "--set epochs=1");
  CHECK(refused.code == 4);
  CHECK(mentions(refused.err, "in the way"));
  CHECK(fs::exists(folder / "thesis.tex"));
}

TEST_CASE("a sweep that cannot write or whose runs would be refused says so at once") {
  const Workplace work;
  work.write("file", "");
  for (const std::string& out :
       {std::string("file"), std::string("file/s"), std::string("/proc/s"), std::string(300, 'a')}) {
    const Result result = work.run("sweep --set data=con-circles --seeds 1 --out " + out);
    INFO(result.err);
    CHECK(result.code == 4);
    CHECK(std::ranges::count(result.err, '\n') == 1);
  }
  const Result unknown = work.run(kSweep + "--set expert=2");
  CHECK(unknown.code == 2);
  CHECK(mentions(unknown.err, "did you mean '--experts'?"));
}

TEST_CASE("runs at once and threads follow the cores that the process may use") {
  const Workplace work;
  const std::string first = "taskset -c $(taskset -pc $$ | sed 's/.*: *//; s/[,-].*//') ";
  const std::string line =
      "cd " + work.path().string() + " && " + first + program_path() +
      " sweep --set data=con-circles --set experts=2 --set epochs=1 --seeds 2 --out s >/dev/null 2>err.txt";
  REQUIRE(std::system(line.c_str()) == 0);
  CHECK(mentions(work.read("err.txt"), ", 1 at once"));
  const Result one = work.run("doctor", "OMP_NUM_THREADS=1");
  CHECK(mentions(one.out, " 1 of "));
  const Result many =
      work.run("train --data con-circles --experts 2 --fast-dev-run --quiet --run-dir many", "OMP_NUM_THREADS=100000");
  CHECK(many.code == 0);
  CHECK(mentions(work.read("many/env.json"), "\"threads\": " + std::to_string(available_cores()) + ","));
}

}  // namespace divvy::test
