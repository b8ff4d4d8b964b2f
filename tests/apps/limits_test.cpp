// Limits that a training would meet at its end are found before it begins.

#include <algorithm>
#include <limits>

#include "tensor/safetensors.h"
#include "tests/apps/workplace.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace fs = std::filesystem;

TEST_CASE("an argument of any length is refused in one short line") {
  const Workplace work;
  const Result argument = work.run("train --name " + std::string(20'000, 'a'));
  CHECK(argument.code == 2);
  CHECK(mentions(argument.err, "has 20000 bytes"));
  CHECK(argument.err.size() < 1000);
}

TEST_CASE("a checkpoint that cannot be saved is found before the first step") {
  const Workplace work;
  const Result result =
      work.run("train --experts 4 --fast-dev-run --quiet --run-dir run", "bash -c 'ulimit -f 64; exec \"$@\"' --");
  INFO(result.err);
  CHECK(result.code == 4);
  CHECK(mentions(result.err, "File too large"));
  CHECK(work.read("run/metrics.csv").empty());
}

TEST_CASE("more separate experts than fit into a header of 1 MiB are saved and read back") {
  const TemporaryFolder folder;
  SafeTensors many;
  for (int i = 0; i < 10'000; ++i) many.tensors.emplace("experts." + std::to_string(i) + ".weight", Tensor::zeros({1}));
  save_safetensors(folder / "many.safetensors", many);
  CHECK(fs::file_size(folder / "many.safetensors") > 1 << 20);
  CHECK(load_safetensors(folder / "many.safetensors").tensors.size() == 10'000);
}

TEST_CASE("a table whose test part would be empty is refused before training") {
  const Workplace work;
  fs::create_directory(work.path() / "tabular");
  work.write("tabular/iris.csv", "5.1,3.5,1.4,0.2,Iris-setosa\n");
  const Result result = work.run("train --data iris --data-dir . --experts 2 --epochs 1 --quiet");
  INFO(result.err);
  CHECK(result.code == 3);
  CHECK(!fs::exists(work.path() / "runs"));
}

TEST_CASE("values that are not finite are reported once, with the step, layer and expert") {
  const Workplace work;
  const auto lines = [](const std::string& text) { return std::ranges::count(text, '\n'); };
  const Result step = work.run(kSmall + "--optimizer sgd --lr 1e30 --run-dir a");
  INFO(step.err);
  CHECK(step.code == 5);
  CHECK(lines(step.err) == 1);
  CHECK(mentions(work.read("a/output.log"), "non-finite"));
  const Result validation = work.run(kSmall + "--optimizer sgd --lr 1e38 --fast-dev-run --run-dir b");
  INFO(validation.err);
  CHECK(validation.code == 5);
  CHECK(lines(validation.err) == 1);
  CHECK(mentions(validation.err, "at step 1;"));

  REQUIRE(work.run(kSmall + "--run-dir c").code == 0);
  const fs::path path = work.path() / "c/checkpoints/last/weights.safetensors";
  SafeTensors weights = load_safetensors(path);
  const auto expert =
      std::ranges::find_if(weights.tensors, [](const auto& t) { return t.first.starts_with("experts."); });
  REQUIRE(expert != weights.tensors.end());
  expert->second.mutable_values<float>().back() = std::numeric_limits<float>::quiet_NaN();
  save_safetensors(path, weights);
  const Result evaluated = work.run("eval c");
  INFO(evaluated.err);
  CHECK(evaluated.code == 5);
  CHECK(lines(evaluated.err) == 1);
  CHECK(mentions(evaluated.err, "non-finite parameter in " + expert->first + ", expert 2;"));
}

TEST_CASE("threads that cannot be created are an error of one line") {
  const Workplace work;
  const Result result =
      work.run(kSmall + "--threads 4096 --run-dir run", "bash -c 'ulimit -v 4000000; exec \"$@\"' --");
  INFO(result.err);
  CHECK(result.code == 6);
  CHECK(mentions(result.err, "4096 threads cannot be created"));
  CHECK(std::ranges::count(result.err, '\n') == 1);
  CHECK(!fs::exists(work.path() / "run"));
}

}  // namespace divvy::test
