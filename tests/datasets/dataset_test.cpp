#include "datasets/dataset.h"

#include <cmath>

#include "tests/datasets/data_support.h"

namespace divvy::test {

using data::Dataset;

namespace {

/// Why check() refuses a small dataset with one thing changed.
std::string flaw(const std::function<void(Dataset&)>& spoil) {
  Dataset d = small_features(5, 2);
  spoil(d);
  return refusal<DataError>([&] { data::check(d, "the source"); });
}

}  // namespace

TEST_CASE("a dataset that is whole passes its check") {
  CHECK_NOTHROW(data::check(small_features(5, 2), "x"));
  CHECK_NOTHROW(data::check(small_features(0, 2), "x"));
  CHECK_NOTHROW(data::check(small_images(4, 3, 2, 5), "x"));
  Dataset regression = small_features(3, 1);
  regression.y = {};
  regression.classes = 0;
  regression.target = Tensor::zeros({3, 2});
  CHECK_NOTHROW(data::check(regression, "x"));
}

TEST_CASE("a dataset that is not whole is refused with the place of the flaw") {
  CHECK_THAT(flaw([](Dataset& d) { d.x = {}; }), ContainsSubstring("the source: there are no samples"));
  CHECK_THAT(flaw([](Dataset& d) { d.x = Tensor::zeros({5, 3}, DType::f64); }), ContainsSubstring("got f64 [5, 3]"));
  CHECK_THAT(flaw([](Dataset& d) { d.x = Tensor::zeros({5, 3}, DType::u8); }), ContainsSubstring("u8 [N, C, H, W]"));
  CHECK_THAT(flaw([](Dataset& d) { d.x = Tensor::zeros({5}); }), ContainsSubstring("got f32 [5]"));
  CHECK_THAT(flaw([](Dataset& d) { d.y = {}; }), ContainsSubstring("neither labels nor targets"));
  CHECK_THAT(flaw([](Dataset& d) {
               d.target = Tensor::zeros({5, 1});
               d.y = {};
             }),
             ContainsSubstring("2 classes, but no labels"));
  CHECK_THAT(flaw([](Dataset& d) { d.y = Tensor::zeros({4}, DType::i64); }),
             ContainsSubstring("i64 [5], one for each sample, got i64 [4]"));
  CHECK_THAT(flaw([](Dataset& d) { d.y = Tensor::zeros({5}, DType::u8); }), ContainsSubstring("got u8 [5]"));
  CHECK_THAT(flaw([](Dataset& d) { d.classes = 0; }), ContainsSubstring("at least one class, got 0"));
  CHECK_THAT(flaw([](Dataset& d) { d.class_names = {"a"}; }), ContainsSubstring("1 names for 2 classes"));
  CHECK_THAT(flaw([](Dataset& d) {
               d.y.mutable_data<int64_t>()[3] = 2;
               d.y.mutable_data<int64_t>()[4] = 9;
             }),
             ContainsSubstring("the source: label 2 of sample 3 is outside [0, 2)"));
  CHECK_THAT(flaw([](Dataset& d) { d.y.mutable_data<int64_t>()[0] = -1; }), ContainsSubstring("label -1 of sample 0"));
  CHECK_THAT(flaw([](Dataset& d) { d.x.mutable_data<float>()[7] = std::nanf(""); }),
             ContainsSubstring("feature 1 of sample 2 is nan"));
  CHECK_THAT(flaw([](Dataset& d) {
               d.target = Tensor::full({5, 2}, INFINITY);
             }),
             ContainsSubstring("target 0 of sample 0 is inf"));
  CHECK_THAT(flaw([](Dataset& d) { d.target = Tensor::zeros({6}); }),
             ContainsSubstring("targets must be f32 [5, ...], got f32 [6]"));
  CHECK_THAT(flaw([](Dataset& d) {
               d.normalization = {{0, 0}, {1, 1}};
             }),
             ContainsSubstring("2 means and 2 deviations for 3 channels"));
  CHECK_THAT(flaw([](Dataset& d) {
               d.normalization = {{0, 0, 0}, {1, 1}};
             }),
             ContainsSubstring("3 means and 2 deviations"));
  CHECK_THAT(flaw([](Dataset& d) {
               d.normalization = {{0, 0, 0}, {1, 0, 1}};
             }),
             ContainsSubstring("normalization of channel 1"));
}

TEST_CASE("a subset takes the samples asked for, in that order") {
  Dataset d = small_features(6, 3);
  d.target = d.x.clone();
  const Dataset s = d.subset(Tensor::from<int64_t>({4, 0, 4}));
  CHECK(s.size() == 3);
  CHECK(s.name == d.name);
  CHECK(s.x.to_doubles() == std::vector<double>{40, 41, 42, 0, 1, 2, 40, 41, 42});
  CHECK(same_bits(s.x, s.target));
  CHECK(to_list(s.y) == std::vector<int64_t>{1, 0, 1});
  CHECK(d.subset(Tensor::zeros({0}, DType::i64)).size() == 0);

  CHECK_THAT(refusal<ValueError>([&] {
               d.subset(Tensor::from<int64_t>({0, 6}));
             }),
             ContainsSubstring("index 6 is outside [0, 6)"));
  CHECK_THAT(refusal<ValueError>([&] { d.subset(Tensor::from<int64_t>({-1})); }), ContainsSubstring("index -1"));
  CHECK_THAT(refusal<DTypeError>([&] { d.subset(Tensor::zeros({1})); }), ContainsSubstring("i64"));
  CHECK_THAT(refusal<ShapeError>([&] {
               d.subset(Tensor::zeros({1, 1}, DType::i64));
             }),
             ContainsSubstring("vector, got [1, 1]"));
  CHECK_THAT(refusal<ShapeError>([&] { d.subset({}); }), ContainsSubstring("vector"));
}

TEST_CASE("a large subset is the same for any number of threads") {
  const Dataset d = small_images(3000, 1, 7, 5);
  const Tensor index = random_indices({5000}, 3000, 3);
  const Dataset s = d.subset(index);
  for (int64_t i = 0; i < 5000; ++i) REQUIRE(same_bits(s.x[i], d.x[index.data<int64_t>()[i]]));
}

TEST_CASE("a slice of a dataset is a view") {
  Dataset d = small_features(6, 3);
  const Dataset s = d.slice(2, 4);
  CHECK(s.x.shares_memory_with(d.x));
  CHECK(s.x.to_doubles()[0] == 20);
  CHECK(to_list(s.y) == std::vector<int64_t>{2, 0});
  CHECK_THAT(refusal<ShapeError>([&] { d.slice(3, 7); }), ContainsSubstring("[3, 7)"));
}

TEST_CASE("classes are counted and named") {
  Dataset d = small_features(7, 3);
  CHECK(d.class_counts() == std::vector<int64_t>{3, 2, 2});
  CHECK(d.class_name(2) == "2");
  d.class_names = {"zero", "one", "two"};
  CHECK(d.class_name(2) == "two");
  CHECK_THAT(refusal<ValueError>([&] { d.class_name(3); }), ContainsSubstring("class 3 is outside [0, 3)"));
}

TEST_CASE("the measured normalization is the mean and deviation of each channel") {
  const Dataset d = small_images(9, 2, 3, 4);
  const auto measured = data::measure_normalization(d.x);
  const auto values = d.x.to_doubles();
  for (size_t c = 0; c < 2; ++c) {
    double sum = 0, square = 0;
    for (size_t n = 0; n < 9; ++n) {
      for (size_t p = 0; p < 12; ++p) {
        const double v = values[(n * 2 + c) * 12 + p] / 255;
        sum += v;
        square += v * v;
      }
    }
    CHECK(measured.mean[c] == Approx(sum / 108));
    CHECK(measured.stddev[c] == Approx(std::sqrt(square / 108 - sum * sum / 108 / 108)));
  }
  const auto columns = data::measure_normalization(Tensor::from({1.f, 7.f, 3.f, 7.f}, {2, 2}));
  CHECK(columns.mean == std::vector<double>{2, 7});
  CHECK(columns.stddev == std::vector<double>{1, 1});  // a constant column is not divided by zero

  CHECK_THAT(refusal<ShapeError>([] {
               data::measure_normalization(Tensor::zeros({0, 3}));
             }),
             ContainsSubstring("[0, 3]"));
  CHECK_THAT(refusal<ShapeError>([] { data::measure_normalization(Tensor::zeros({3})); }), ContainsSubstring("[3]"));
  CHECK_THAT(refusal<ShapeError>([] { data::measure_normalization({}); }), ContainsSubstring("[]"));
  CHECK_THAT(refusal<DTypeError>([] {
               data::measure_normalization(Tensor::zeros({3, 1}, DType::i64));
             }),
             ContainsSubstring("i64"));
}

}  // namespace divvy::test
