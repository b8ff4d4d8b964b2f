#include "apps/run/sweep_plan.h"

#include <nlohmann/json.hpp>
#include <set>

#include "apps/exit_code.h"
#include "apps/run/child_process.h"
#include "apps/settings/options.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_folder.h"

namespace divvy::test {

namespace {

using namespace app;
namespace fs = std::filesystem;

bool has(const std::vector<std::string>& arguments, const std::string& argument) {
  return std::ranges::find(arguments, argument) != arguments.end();
}

/// Runs a shell command line as the only task.
ChildResult run_one(const std::string& command, const fs::path& log) {
  ChildResult result;
  run_children({{{"/bin/sh", "-c", command}, log}}, 1, [&](size_t, const ChildResult& r) {
    result = r;
    return true;
  });
  return result;
}

}  // namespace

TEST_CASE("a sweep is every experiment, every combination of its grid and every seed") {
  SweepConfig config;
  config.experiments = {"a/one.toml", "two.toml"};
  config.settings = {"epochs=3"};
  config.grid = {"importance=0,0.2", "k=1,2,3"};
  config.seeds = 2, config.first_seed = 7;
  config.out = "here";
  const auto runs = plan_sweep(config);
  REQUIRE(runs.size() == 2 * 2 * 3 * 2);
  std::set<std::string> folders;
  for (const SweepRun& run : runs) {
    folders.insert(run.folder.string());
    CHECK(has(run.arguments, "--epochs=3"));
    CHECK(has(run.arguments, "--importance=" + run.grid.at("importance")));
    CHECK(has(run.arguments, fmt::format("--seed={}", run.seed)));
    CHECK(has(run.arguments, run.folder.string()));
  }
  CHECK(folders.size() == runs.size());
  CHECK(runs.front().folder == fs::path("here/one,importance=0,k=1/seed-7"));
  CHECK(runs.back().title() == "two, importance=0.2, k=3, seed 8");
  CHECK(has(runs.front().arguments, "a/one.toml"));

  SweepConfig plain;
  plain.seeds = 1;
  const auto one = plan_sweep(plain);
  REQUIRE(one.size() == 1);
  CHECK(one[0].experiment == "run");
  CHECK(!has(one[0].arguments, "--config"));
  plain.grid = {"class-lists=0/1"};
  CHECK(plan_sweep(plain)[0].folder == fs::path("sweep/run,class-lists=0_1/seed-1"));
}

TEST_CASE("a sweep that cannot be is refused") {
  const auto refused = [](const std::function<void(SweepConfig&)>& change) {
    SweepConfig config;
    change(config);
    CHECK_THROWS_AS(plan_sweep(config), UsageError);
  };
  refused([](SweepConfig& c) { c.settings = {"epochs"}; });
  refused([](SweepConfig& c) { c.settings = {"=3"}; });
  refused([](SweepConfig& c) { c.grid = {"k="}; });
  refused([](SweepConfig& c) { c.grid = {"k=1", "k=2"}; });
  refused([](SweepConfig& c) { c.settings = {"seed=3"}; });
  refused([](SweepConfig& c) { c.experiments = {"a/x.toml", "b/x.toml"}; });
}

TEST_CASE("children run side by side, and their output and status come back") {
  const TemporaryFolder folder;
  const fs::path log = folder.path() / "log";
  CHECK(run_one("echo out; echo err >&2; exit 3", log).code == 3);
  CHECK(read_bytes(log) == "out\nerr\n");
  CHECK(run_one("kill -9 $$", log).code == 128 + 9);

  // Two tasks that wait for each other can only end if both run.
  const std::string a = (folder.path() / "a").string(), b = (folder.path() / "b").string();
  const auto wait_for = [](const std::string& mine, const std::string& other) {
    return "touch " + mine + "; i=0; while [ ! -e " + other + " ]; do i=$((i+1)); [ $i -gt 1000 ] && exit 1; " +
           "sleep 0.01; done";
  };
  std::vector<int> codes;
  run_children({{{"/bin/sh", "-c", wait_for(a, b)}, folder.path() / "1"},
                {{"/bin/sh", "-c", wait_for(b, a)}, folder.path() / "2"}},
               2, [&](size_t, const ChildResult& result) {
                 codes.push_back(result.code);
                 return true;
               });
  CHECK(codes == std::vector<int>{0, 0});
}

TEST_CASE("no further child is started once one has said to stop") {
  const TemporaryFolder folder;
  std::vector<ChildTask> tasks;
  for (int i = 0; i < 4; ++i) {
    tasks.push_back({{"/bin/sh", "-c", "true"}, folder.path() / std::to_string(i)});
  }
  size_t finished = 0;
  run_children(tasks, 1, [&](size_t, const ChildResult&) { return ++finished < 2; });
  CHECK(finished == 2);
  CHECK(!fs::exists(folder.path() / "2"));
}

TEST_CASE("a child that cannot be started is an error") {
  const TemporaryFolder folder;
  const auto ignore = [](size_t, const ChildResult&) { return true; };
  CHECK_THROWS_AS(run_children({{{"/nowhere/program"}, folder.path() / "log"}}, 1, ignore), CheckpointError);
  CHECK_THROWS_AS(run_children({{{"/bin/true"}, folder.path() / "missing" / "log"}}, 1, ignore), CheckpointError);
  CHECK(fs::exists(this_program()));
}

TEST_CASE("the command sweeps, sums up, and goes on where it stopped") {
  const TemporaryFolder folder;
  const auto divvy = [&](const std::string& arguments) {
    const std::string line = "cd " + folder.path().string() + " && " + program_path() + " sweep " + arguments +
                             " --set data=con-circles --set epochs=1 --set experts=2 " +
                             (arguments.find("--out") == std::string::npos ? "--out s" : "") + " >out.txt 2>err.txt";
    return run_one(line, folder.path() / "shell.log").code;
  };
  const auto text = [&](const char* name) { return read_bytes(folder.path() / name); };
  const auto contains = [&](const char* name, const char* words) {
    return text(name).find(words) != std::string::npos;
  };
  CHECK(divvy("--grid importance=0,0.1 --seeds 2 --jobs 2") == kDone);
  CHECK(contains("out.txt", "chosen by val_accuracy"));
  CHECK(contains("err.txt", "[4/4]"));
  CHECK(contains("s/results.csv", "run,0.1,"));
  const auto summary = nlohmann::json::parse(text("s/summary.json"));
  REQUIRE(summary.size() == 1);
  CHECK(summary[0]["metrics"]["test_accuracy"]["seeds"] == 2);

  CHECK(!summary[0].contains("routing_stability"));  // each seed has points of its own
  for (const std::string setting : {"0", "0.1"}) {
    const fs::path runs = folder.path() / ("s/run,importance=" + setting);
    fs::copy_file(runs / "seed-1/routing.safetensors", runs / "seed-2/routing.safetensors",
                  fs::copy_options::overwrite_existing);
  }
  CHECK(divvy("--grid importance=0,0.1 --seeds 2") == kDone);
  CHECK(nlohmann::json::parse(text("s/summary.json"))[0]["routing_stability"]["mean"] == 1);
  CHECK(contains("out.txt", "seeds divide the test part alike to 1.00 (adjusted Rand index of 1 pairs)"));
  CHECK(contains("s/boxes.svg", "run, importance=0.1"));
  CHECK(contains("s/scatter.svg", "I(expert; label), bits"));

  CHECK(contains("s/reference.csv", "\nrun_importance_0.1,"));
  CHECK(contains("s/reference_nats.csv", "\nrun,"));

  // One run was cut off, and a seed is new.
  fs::remove(folder.path() / "s/run,importance=0/seed-2/summary.json");
  CHECK(divvy("--grid importance=0,0.1 --seeds 3 --best-of-seeds") == kDone);
  CHECK(contains("err.txt", "6 runs, 3 of them done before"));
  CHECK(contains("out.txt", "the best single run"));
  CHECK(nlohmann::json::parse(text("s/summary.json"))[0]["metrics"]["test_accuracy"]["seeds"] == 3);

  // Published names have the regularizers at the end, and the weight of similarity as one of a sum over the batch's
  // pairs.
  write_bytes(folder.path() / "attention_sample_similarity.toml", "similarity-same = 2.62144\nbatch = 512\n");
  write_bytes(folder.path() / "top1_importance.toml", "importance = 0.4\nmodel = \"top-1\"\n");
  CHECK(divvy("attention_sample_similarity.toml top1_importance.toml --seeds 1 --out names") == kDone);
  CHECK(contains("names/reference.csv", "\nattention_sample_sim_same_1e-05,"));
  CHECK(contains("names/reference.csv", "\ntop1_importance_0.4,"));

  CHECK(divvy("--set k=9 --set model=top-k --seeds 1 --out other") == kFailure);
  CHECK(contains("err.txt", "exit 2, see"));
  CHECK(divvy("--set k=nothing --seeds 1 --out other") == kUsage);
  CHECK(divvy("--set seed=3") == kUsage);
}

}  // namespace divvy::test
