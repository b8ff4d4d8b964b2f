#include "datasets/catalog.h"

#include <cmath>
#include <set>

#include "tests/datasets/data_support.h"

namespace divvy::test {

using data::catalog;
using data::find_entry;

TEST_CASE("every set has a name of its own, a description and what else the list shows") {
  std::set<std::string> names;
  for (const auto& entry : catalog()) {
    INFO(entry.name);
    CHECK(names.insert(entry.name).second);
    CHECK_FALSE(entry.description.empty());
    CHECK(entry.description.find('\n') == std::string::npos);
    CHECK_FALSE(entry.sample.empty());
    CHECK(find_entry(entry.name).name == entry.name);
  }
  for (const char* name : {"glyphs", "mnist", "fashion-mnist", "cifar10", "multi-class", "sin-data", "iris"})
    CHECK(names.contains(name));
  CHECK(catalog().front().name == "glyphs");
}

TEST_CASE("generated sets load without files, as large as they say, and the same for the same seed") {
  for (const auto& entry : catalog()) {
    if (!entry.files.empty()) continue;
    INFO(entry.name);
    const auto splits = data::load(entry.name, {.seed = 5});
    CHECK(data::PartSizes{splits.train.size(), splits.validation.size(), splits.test.size()} == entry.sizes);
    CHECK(splits.train.classes == entry.classes);
    CHECK(splits.train.name == entry.name);
    std::string sample;
    for (const int64_t size : splits.test.sample_shape())
      sample += (sample.empty() ? "" : " x ") + std::to_string(size);
    CHECK(sample == entry.sample);
    const auto same = data::load(entry.name, {.seed = 5}), other = data::load(entry.name, {.seed = 6});
    CHECK(same_bits(same.train.x, splits.train.x));
    CHECK(same_bits(same.test.x, splits.test.x));
    CHECK_FALSE(same_bits(other.train.x, splits.train.x));
    CHECK(data::status(entry, "/nowhere").ready);
    CHECK(data::status(entry, "").text == "always there");
    // Stratified: the test part has each class in the share that the training part has.
    const auto train = splits.train.class_counts(), test = splits.test.class_counts();
    for (size_t c = 0; c < train.size(); ++c) {
      CHECK(std::abs(static_cast<double>(train[c]) / static_cast<double>(splits.train.size()) -
                     static_cast<double>(test[c]) / static_cast<double>(splits.test.size())) < 0.01);
    }
  }
}

TEST_CASE("a program's own set is listed and loaded as the built-in ones") {
  catalog().add({.name = "two-Points",
                 .description = "two points on a line",
                 .sample = "1",
                 .classes = 2,
                 .sizes = {2, 0, 2},
                 .load = [](const data::LoadOptions& options) {
                   data::Splits splits;
                   for (data::Dataset* part : {&splits.train, &splits.test}) {
                     part->name = "two-Points";
                     part->x = Tensor::from<float>({0, static_cast<float>(options.seed)}, {2, 1});
                     part->y = Tensor::from<int64_t>({0, 1});
                     part->classes = 2;
                   }
                   return splits;
                 }});
  CHECK(catalog().names().back() == "two-Points");
  CHECK(find_entry("two points").classes == 2);
  CHECK(data::status(find_entry("two-points"), "").text == "always there");
  CHECK(data::load("two-points", {.seed = 7}).test.x.to_doubles() == std::vector<double>{0, 7});
  CHECK(refusal<ValueError>([] { data::load("two-poinst"); }) ==
        "there is no data set 'two-poinst'; did you mean two-Points?");
}

TEST_CASE("names are found in any spelling, and unknown ones get suggestions") {
  CHECK(find_entry("Fashion_MNIST").name == "fashion-mnist");
  CHECK(find_entry("checker_board-2").name == "checker-board-2");
  CHECK(find_entry("sin data").name == "sin-data");
  const auto unknown = [](const std::string& name) { return refusal<ValueError>([&] { data::load(name); }); };
  CHECK(unknown("glyph") == "there is no data set 'glyph'; did you mean glyphs?");
  CHECK(unknown("minst") == "there is no data set 'minst'; did you mean mnist?");
  CHECK_THAT(unknown("cifar"), ContainsSubstring("did you mean cifar10 or cifar10-small or cifar100?"));
  CHECK_THAT(unknown("checker-bord-1"), ContainsSubstring("did you mean checker-board-1 or"));
  CHECK_THAT(unknown("quicksilver"), ContainsSubstring("there are glyphs, multi-class,"));
  CHECK_THAT(unknown(""), ContainsSubstring("there is no data set ''; there are glyphs"));
  CHECK_THAT(unknown(std::string(100000, 'x')), ContainsSubstring("there are glyphs"));
}

TEST_CASE("the status says which files are there") {
  const TemporaryFolder root;
  const auto& mnist = find_entry("mnist");
  auto status = data::status(mnist, root.path());
  CHECK_FALSE(status.ready);
  CHECK(status.text == "missing");
  REQUIRE(status.files.size() == 4);
  CHECK(status.files[0].name == "mnist/train-images-idx3-ubyte");
  CHECK(status.files[0].path.empty());

  root.write("mnist/train-images-idx3-ubyte.gz", "12345");
  root.write("mnist/t10k-labels.idx1-ubyte", "1");
  root.write("mnist/t10k-images-idx3-ubyte", "");
  status = data::status(mnist, root.path());
  CHECK(status.text == "1 of 4 files is missing");
  CHECK(status.files[0].path == root / "mnist/train-images-idx3-ubyte.gz");
  CHECK(status.files[0].bytes == 5);
  CHECK(status.files[3].path == root / "mnist/t10k-labels.idx1-ubyte");
  CHECK(refusal<DataError>([&] { data::load("mnist", {.data_root = root.path()}); }) ==
        "mnist: missing under " + root.path() + ": mnist/train-labels-idx1-ubyte; put the original files there");
  CHECK(refusal<DataError>([] { data::load("mnist"); }) == "mnist comes from files, but no folder for data was given");

  root.write("mnist/train-labels-idx1-ubyte", "");
  CHECK(data::status(mnist, root.path()).text == "ready");  // they are there; load() tells that they are no good
  CHECK_THAT(refusal<DataError>([&] { data::load("mnist", {.data_root = root.path()}); }),
             ContainsSubstring("cut off"));
  CHECK(data::status(find_entry("fashion-mnist-and-mnist"), root.path()).text == "4 of 8 files are missing");
}

TEST_CASE("tables are divided by class and normalized by their training part") {
  const TemporaryFolder root;
  std::string text = "sepal-length,sepal-width,petal-length,petal-width,class\n";
  for (int i = 0; i < 150; ++i) text += fmt::format("{},{},{},{},kind {}\n", i, 3 * i % 7, 5 * i % 11, i % 5, i % 3);
  root.write("tabular/iris.csv", text);
  const auto splits = data::load("iris", {.data_root = root.path()});
  CHECK(data::PartSizes{splits.train.size(), splits.validation.size(), splits.test.size()} == find_entry("iris").sizes);
  CHECK(splits.test.class_counts() == std::vector<int64_t>{10, 10, 10});
  CHECK(splits.train.name == "iris");
  CHECK(splits.train.normalization == data::measure_normalization(splits.train.x));
  CHECK(splits.test.normalization == splits.train.normalization);
}

}  // namespace divvy::test
