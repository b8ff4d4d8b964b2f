// What `divvy train` and `divvy eval` run on: devices, and the precision of products.

#include <nlohmann/json.hpp>

#include "kernels/instruction_set.h"
#include "kernels/precision.h"
#include "tests/apps/workplace.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace {

namespace fs = std::filesystem;

}  // namespace

TEST_CASE("a device that is not there is refused") {
  const Workplace work;
  for (const char* name : {"tpu", "cuda:", "cuda:x", "cuda:99", "CPU", "cuda:-1"}) {
    const Result train = work.run(fmt::format("{} --device {} --run-dir run", kSmall, name));
    INFO(name << ": " << train.err);
    CHECK(train.code == 2);
    CHECK(mentions(train.err, "--device"));
    CHECK(!fs::exists(work.path() / "run"));
  }
  CHECK(work.run("eval nowhere --device cuda:99").code == 2);
}

TEST_CASE("the instruction set of the kernels can be chosen, and is named") {
  const Workplace work;
  const Result usual = work.run("doctor");
  CHECK(mentions(usual.out, fmt::format("{} instructions", to_string(kernels::instruction_set()))));
  CHECK(mentions(work.run("doctor", "DIVVY_INSTRUCTION_SET=plain").out, "plain instructions"));
  REQUIRE(work.run(kSmall + "--run-dir run", "DIVVY_INSTRUCTION_SET=plain").code == 0);
  CHECK(nlohmann::json::parse(work.read("run/env.json"))["instruction_set"] == "plain");
  const Result refused = work.run(kSmall + "--run-dir none", "DIVVY_INSTRUCTION_SET=mmx");
  CHECK(refused.code == 2);
  CHECK(mentions(refused.err, "DIVVY_INSTRUCTION_SET"));
  CHECK(!fs::exists(work.path() / "none"));
}

TEST_CASE("products are in the precision that is asked for, where the processor has it") {
  const Workplace work;
  // Layers wide enough for products of matrices.
  const std::string train =
      "train --data glyphs --net fashion-mnist --experts 2 --train-limit 200 --epochs 1 --quiet --precision ";
  const auto loss = [&](const std::string& run) {
    return nlohmann::json::parse(work.read(run + "/summary.json")).at("train_loss").get<double>();
  };
  REQUIRE(work.run(train + "f32 --run-dir f32").code == 0);
  const Result rounded = work.run(train + "bf16 --run-dir bf16");
  INFO(rounded.err);
  if (kernels::has_precision(Device::cpu(), Precision::bf16)) {
    REQUIRE(rounded.code == 0);
    CHECK(loss("bf16") != loss("f32"));
    CHECK(loss("bf16") == Approx(loss("f32")).epsilon(0.02));
    CHECK(work.run("eval bf16 --precision bf16").code == 0);
    CHECK(mentions(work.run(train + "bf16 --dry-run").out, "precision bf16"));
  } else {
    CHECK(rounded.code == 2);
    CHECK(mentions(rounded.err, "--precision f32"));
  }
  const Result refused = work.run(train + "tf32 --run-dir tf32");
  CHECK(refused.code == 2);
  CHECK(mentions(refused.err, "--precision tf32"));
  CHECK_FALSE(fs::exists(work.path() / "tf32"));
  CHECK(work.run(train + "f16 --run-dir f16").code == 2);
}

}  // namespace divvy::test
