// The command from the outside: what it prints, what it leaves behind, and its exit status.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/apps/workplace.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace fs = std::filesystem;

TEST_CASE("help leads with examples, and the version is printed") {
  const Workplace work;
  for (const char* command : {"--help", "train --help", "eval --help", "data --help", "doctor --help"}) {
    const Result help = work.run(command);
    INFO(command);
    CHECK(help.code == 0);
    CHECK(help.out.find("Examples:") < help.out.find("Usage:"));
    CHECK(help.err == "");
  }
  CHECK(mentions(work.run("train --help").out, "--importance"));
  CHECK(mentions(work.run("--version").out, "divvy 0."));
  CHECK(work.run("").code == 2);
  CHECK(mentions(work.run("--completion-bash").out, "complete"));
}

TEST_CASE("usage errors suggest what was meant and exit with 2") {
  const Workplace work;
  const auto refused = [&](const std::string& arguments, const std::string& words) {
    const Result result = work.run(arguments);
    INFO(arguments << ": " << result.err);
    CHECK(result.code == 2);
    CHECK(mentions(result.err, words));
    CHECK(std::ranges::count(result.err, '\n') == 1);
    CHECK(!fs::exists(work.path() / "runs"));
  };
  refused("trian", "did you mean 'train'?");
  refused("train --expert 5", "did you mean '--experts'?");
  refused("train --model mixtur", "did you mean 'mixture'?");
  refused("train --data mnsit", "mnist");
  refused("train --experts 0", "must be a number from 1");
  refused("train --lr nan", "must be a number greater than 0");
  refused("train --lr 1e400", "must be a number greater than 0");
  refused("train --epochs 3.5", "3.5");
  refused("train --model top-k --k 11", "top-11 of 10 experts");
  refused("train --model single --importance 0.2", "--importance");
  refused("train --net linear-2d", "takes samples [2]");
  refused("train --config missing.toml", "missing.toml");
  refused("eval", "run");
}

TEST_CASE("a configuration file sets what flags do not, and unknown keys are errors") {
  const Workplace work;
  work.write("run.toml", "experts = 3\nimportance = 0.5\nmodel = \"mixture\"\n");
  const Result plan = work.run("train --config run.toml --importance 0.25 --dry-run");
  INFO(plan.err);
  CHECK(plan.code == 0);
  CHECK(mentions(plan.out, "3 experts"));
  CHECK(mentions(plan.out, "cross-entropy + 0.25 importance"));
  CHECK(mentions(plan.out, "gate, 64 rows of [1, 28, 28]: 0-"));
  CHECK(mentions(plan.out, "experts, 192 rows of [1, 28, 28]: 0-8 small stack\n"));
  const std::string few = work.run("train --config run.toml --batch 2 --dry-run").out;
  CHECK(
      mentions(few, "gate, 2 rows of [1, 28, 28]: 0 layer by layer (2 rows of at least 4), 1-2 max-pool before ReLU"));
  CHECK(mentions(few, "experts, 6 rows of [1, 28, 28]: 0 layer by layer (6 rows of at least 12), 1-2 max-pool"));
  CHECK(!fs::exists(work.path() / "runs"));
  const auto refused = [&](const std::string& text, const std::string& words) {
    work.write("bad.toml", text);
    const Result bad = work.run("train --config bad.toml --dry-run");
    INFO(bad.err);
    CHECK(bad.code == 2);
    CHECK(mentions(bad.err, words));
  };
  refused("expert = 3\n", "unknown key 'expert'; did you mean 'experts'?");
  refused("experts = 3\nexperts = 4\n", "'experts' comes twice");
  refused("[model]\nexperts = 3\n", "section");
  refused("experts = [1, 2]\n", "one value");
  refused("run-dir = \"x\"\n", "run-dir");
}

TEST_CASE("a configuration file extends others, and its own keys win") {
  const Workplace work;
  fs::create_directory(work.path() / "bases");
  work.write("bases/root.toml", "experts = 7\nimportance = 0.5\n");
  work.write("bases/middle.toml", "importance = 0.25\nextends = \"root.toml\"\n");
  work.write("run.toml", "extends = \"bases/middle.toml\"\nclass-balance = 2\n");
  const Result plan = work.run("train --config run.toml --class-balance 1 --dry-run");
  INFO(plan.err);
  CHECK(plan.code == 0);
  CHECK(mentions(plan.out, "7 experts"));
  CHECK(mentions(plan.out, "cross-entropy + 0.25 importance + 1 class balance"));
  const auto refused = [&](const char* file, const std::string& text, const std::string& words) {
    work.write(file, text);
    const Result bad = work.run("train --config run.toml --dry-run");
    INFO(bad.err);
    CHECK(bad.code == 2);
    CHECK(mentions(bad.err, words));
  };
  refused("bases/root.toml", "expert = 7\n",
          "run.toml -> bases/middle.toml -> bases/root.toml: unknown key 'expert'; did you mean 'experts'?");
  refused(
      "bases/root.toml", "extends = \"../run.toml\"\n",
      "run.toml -> bases/middle.toml -> bases/root.toml -> bases/../run.toml: the files extend each other in a circle");
  refused("bases/middle.toml", "extends = \"missing.toml\"\n", "run.toml -> bases/middle.toml -> bases/missing.toml: ");
  refused("bases/middle.toml", "extends = [\"root.toml\", \"root.toml\"]\n", "'extends' needs one value");
  refused("run.toml", "extend = \"bases/root.toml\"\n", "did you mean 'extends'?");
  refused("run.toml", "extends = \"run.toml\"\n", "run.toml -> run.toml: the files extend each other in a circle");
}

TEST_CASE("a run leaves a whole folder behind, which can be tested again") {
  const Workplace work;
  const Result train = work.run("train --epochs 1 --experts 4 --importance 0.2 --run-dir run");
  INFO(train.err);
  REQUIRE(train.code == 0);
  CHECK(mentions(train.out, "test accuracy"));
  CHECK(mentions(train.out, "% of class"));
  CHECK(mentions(train.out, "run/picture.svg"));
  CHECK(mentions(train.err, "epoch 1/1"));
  CHECK(!mentions(train.err, "\r"));  // no terminal, no redrawing
  for (const char* name : {"config.toml", "env.json", "metrics.csv", "metrics.jsonl", "summary.json", "output.log",
                           "routing.safetensors", "picture.svg", "checkpoints/last/weights.safetensors",
                           "checkpoints/last/state.json", "checkpoints/best/weights.safetensors"}) {
    INFO(name);
    CHECK(fs::file_size(work.path() / "run" / name) > 0);
  }
  const auto summary = nlohmann::json::parse(work.read("run/summary.json"));
  for (const char* key : {"data", "model", "recipe", "seed", "epochs", "parameters", "train_seconds",
                          "samples_per_second", "val_accuracy", "test_accuracy", "mutual_information_label_bits",
                          "mutual_information_prediction_bits", "sample_entropy_bits", "usage_entropy_bits",
                          "experts_used", "flops_per_sample_dense", "flops_per_sample_routed", "peak_memory_bytes"}) {
    INFO(key);
    CHECK(summary.contains(key));
  }
  CHECK(summary["parameters"].get<int64_t>() == 4 * 1382 + 26030);
  const auto row = nlohmann::json::parse(work.read("run/metrics.jsonl"));
  CHECK(row["epoch"] == 1);
  CHECK(row["val_switch_rate"].is_null());  // of the first epoch
  CHECK(row.contains("val_accuracy"));
  CHECK(work.read("run/metrics.csv").starts_with("epoch,"));

  const Result eval = work.run("eval run");
  INFO(eval.err);
  CHECK(eval.code == 0);
  char expected[32];
  std::snprintf(expected, sizeof expected, "%.2f %%", 100 * summary["test_accuracy"].get<double>());
  CHECK(mentions(eval.out, expected));
  CHECK(mentions(eval.out, "precision"));
  const Result same = work.run("eval run --compare run");
  CHECK(same.code == 0);
  CHECK(mentions(same.out, "agreement with run: adjusted Rand index 1.000, normalized information 1.000"));
  CHECK(mentions(same.out, "     3                  3\n"));
  CHECK(work.run("eval run --compare nowhere").code == 4);

  const Result again = work.run("train --epochs 1 --run-dir run");
  CHECK(again.code == 4);
  CHECK(mentions(again.err, "never overwritten"));
  fs::resize_file(work.path() / "run/checkpoints/last/weights.safetensors", 1000);
  CHECK(work.run("eval run").code == 4);
  CHECK(work.run("eval nowhere").code == 4);
}

TEST_CASE("the same seed gives the same weights, another seed others") {
  const Workplace work;
  const std::string rest = " --model top-k --experts 4 --fast-dev-run --quiet --run-dir ";
  REQUIRE(work.run("train --seed 5 --threads 1" + rest + "a").code == 0);
  REQUIRE(work.run("train --seed 5 --threads 3" + rest + "b").code == 0);
  REQUIRE(work.run("train --seed 6" + rest + "c").code == 0);
  const auto weights = [&](const std::string& run) { return work.read(run + "/checkpoints/last/weights.safetensors"); };
  CHECK(weights("a") == weights("b"));
  CHECK(weights("a") != weights("c"));
}

TEST_CASE("missing and damaged data exit with 3, a diverged run with 5") {
  const Workplace work;
  const Result missing = work.run("train --data mnist --data-dir nowhere");
  CHECK(missing.code == 3);
  CHECK(mentions(missing.err, "nowhere"));
  fs::create_directories(work.path() / "mnist");
  work.write("mnist/train-images-idx3-ubyte", "not an image file");
  const Result damaged = work.run("train --data mnist", "DIVVY_DATA=" + work.path().string());
  CHECK(damaged.code == 3);
  CHECK(mentions(damaged.err, work.path().string()));
  const Result diverged = work.run("train --optimizer sgd --lr 1e30 --epochs 1 --quiet --run-dir bad");
  INFO(diverged.err);
  CHECK(diverged.code == 5);
  CHECK(mentions(diverged.err, "non-finite"));
  CHECK(mentions(diverged.err, "at step"));
  int runs = 0;
  for (const std::string model : {"mixture", "stochastic", "top-k --k 2 --experts 32", "top-1 --experts 64"}) {
    const Result far = work.run("train --data con-circles --net deep-2d --model " + model +
                                " --optimizer sgd --lr 1e30 --epochs 1 --quiet --run-dir far" + std::to_string(++runs));
    INFO(model << ": " << far.err);
    CHECK(far.code == 5);
    CHECK(mentions(far.err, "at step"));
  }
}

TEST_CASE("an interrupted run saves its weights and exits with 130") {
  const Workplace work;
  Result result;
  std::thread runner([&] { result = work.run_in_background("train --epochs 100000 --run-dir run --quiet"); });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (!fs::exists(work.path() / "run/checkpoints/best/state.json") && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  kill(std::stoi(work.read("pid")), SIGTERM);  // a shell starts background processes with SIGINT ignored
  runner.join();
  CHECK(result.code == 130);
  CHECK(mentions(work.read("run/output.log"), "interrupted in epoch"));
  CHECK(work.run("eval run").code == 0);
}

TEST_CASE("data and doctor say what there is") {
  const Workplace work;
  const Result data = work.run("data");
  CHECK(data.code == 0);
  CHECK(mentions(data.out, "glyphs"));
  CHECK(mentions(data.out, "mnist"));
  const Result one = work.run("data glyphs iris");
  CHECK(one.code == 3);  // the first is there, the second is missing
  CHECK(mentions(one.out, "10 classes of 900 to 900"));
  CHECK(mentions(one.err, "iris"));
  const Result doctor = work.run("doctor");
  CHECK(doctor.code == 0);
  CHECK(mentions(doctor.out, "threads"));
  CHECK(mentions(doctor.out, "GPU"));
}

}  // namespace divvy::test
