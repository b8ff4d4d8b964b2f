// Quirks of published code in `divvy train`, and what models report that divide nothing.

#include <fmt/format.h>

#include "tests/apps/workplace.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace fs = std::filesystem;

TEST_CASE("quirks change what they say and are echoed") {
  const Workplace work;
  REQUIRE(work.run(kSmall + "--quirks zero-gate,test-as-validation --run-dir run").code == 0);
  CHECK(mentions(work.read("run/config.toml"), "quirks = \"zero-gate,test-as-validation\""));
  const auto summary = summary_of(work, "run");
  CHECK(summary["quirks"] == "zero-gate,test-as-validation");
  CHECK(summary["val_accuracy"] == summary["test_accuracy"]);
  CHECK(summary["mutual_information_label_bits"].get<double>() == Approx(0).margin(1e-12));

  // All is learned from. The toy set has a validation part.
  REQUIRE(work.run(kSmall + "--run-dir usual").code == 0);
  REQUIRE(work.run(kSmall + "--quirks no-validation-part,unweighted-batches --batch 7 --run-dir whole").code == 0);
  const auto usual = summary_of(work, "usual"), whole = summary_of(work, "whole");
  CHECK(whole["train_samples"] == usual["train_samples"].get<int64_t>() + usual["val_samples"].get<int64_t>());
  CHECK(whole["val_samples"] == usual["test_samples"]);
  CHECK(whole["val_samples"].get<int64_t>() % 7 != 0);
  CHECK(whole["val_accuracy"] != whole["test_accuracy"]);  // the same samples, but the short last batch weighs more
  CHECK(whole["val_accuracy"].get<double>() == Approx(whole["test_accuracy"].get<double>()).margin(0.2));
  CHECK(rows_of(work, "whole").back()["val_accuracy"] == whole["val_accuracy"]);
  CHECK(whole["val_error"].get<double>() == Approx(1 - whole["val_accuracy"].get<double>()));

  const std::string warm = kSmall + "--temperature 50 --seed 3 ";
  REQUIRE(work.run(warm + "--run-dir warm").code == 0);
  REQUIRE(work.run(warm + "--quirks unit-temperature --run-dir cold").code == 0);
  CHECK(summary_of(work, "cold")["test_sample_entropy_bits"] < summary_of(work, "warm")["test_sample_entropy_bits"]);
}

TEST_CASE("pixels can be normalized as some studies did") {
  const Workplace work;
  const std::string run = "train --data glyphs --train-limit 64 --epochs 1 --quiet ";
  CHECK(work.run(run + "--data multi-class --normalize half").code == 2);
  REQUIRE(work.run(run + "--run-dir own").code == 0);
  REQUIRE(work.run(run + "--normalize half --run-dir half").code == 0);
  CHECK(mentions(work.read("half/config.toml"), "normalize = \"half\""));
  const auto own = summary_of(work, "own"), half = summary_of(work, "half");
  CHECK(own["train_loss"] != half["train_loss"]);
  // A run's evaluation knows how it was.
  const std::string accuracy = fmt::format("{:.2f} %", 100 * half["test_accuracy"].get<double>());
  CHECK(mentions(work.run("eval half").out, accuracy));
}

TEST_CASE("models that divide nothing report no division") {
  const Workplace work;
  for (const std::string model : {"product", "concatenation --class-lists \"0,1|2,3|4,5\""}) {
    INFO(model);
    const Result run = work.run(kSmall + "--model " + model + " --run-dir run");
    REQUIRE(run.code == 0);
    CHECK(mentions(run.out, "some expert is right"));
    CHECK(!mentions(run.out, "of the gate"));
    CHECK(!mentions(run.out, "I(expert"));
    CHECK(!mentions(run.err, "I(expert"));
    const auto summary = summary_of(work, "run");
    for (const char* key : {"test_gate_error", "test_experts_used", "test_sample_entropy_bits",
                            "test_gate_only_accuracy", "test_mutual_information_label_bits"}) {
      CHECK(!summary.contains(key));
    }
    CHECK(summary["test_oracle_accuracy"].get<double>() >= summary["test_best_single_expert_accuracy"].get<double>());
    CHECK(!fs::exists(work.path() / "run/picture.svg"));
    CHECK(work.run("eval run").code == 0);
    fs::remove_all(work.path() / "run");
  }
  // As many experts as classes, so that an expert has one output.
  CHECK(work.run(kSmall + "--experts 6 --model concatenation --class-lists \"0|1|2|3|4|5\" --run-dir run").code == 0);
}

}  // namespace divvy::test
