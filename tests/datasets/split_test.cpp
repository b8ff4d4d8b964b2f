#include "datasets/split.h"

#include <set>

#include "tests/datasets/data_support.h"

namespace divvy::test {

using data::counts_of;
using data::Stratify;

TEST_CASE("fractions become counts that add up") {
  CHECK(counts_of(10, {0.8, 0.2}) == std::vector<int64_t>{8, 2});
  CHECK(counts_of(10, {0.7, 0.1, 0.2}) == std::vector<int64_t>{7, 1, 2});
  CHECK(counts_of(10, {1 / 3., 1 / 3., 1 / 3.}) == std::vector<int64_t>{4, 3, 3});
  CHECK(counts_of(1, {0.5, 0.5}) == std::vector<int64_t>{1, 0});
  CHECK(counts_of(0, {0.5, 0.5}) == std::vector<int64_t>{0, 0});
  CHECK(counts_of(7, {0, 1}) == std::vector<int64_t>{0, 7});
  for (int64_t n = 0; n < 200; ++n) {
    const auto counts = counts_of(n, {0.15, 0.15, 0.6, 0.1});
    CHECK(counts[0] + counts[1] + counts[2] + counts[3] == n);
    CHECK(std::abs(static_cast<double>(counts[2]) - 0.6 * static_cast<double>(n)) < 1);
  }
  CHECK_THAT(refusal<ValueError>([] { counts_of(10, {0.8, 0.3}); }), ContainsSubstring("sum to 1, got 1.1"));
  CHECK_THAT(refusal<ValueError>([] { counts_of(10, {-0.5, 1.5}); }), ContainsSubstring("in [0, 1], got -0.5"));
  CHECK_THAT(refusal<ValueError>([] { counts_of(10, {}); }), ContainsSubstring("sum to 1, got 0"));
  CHECK_THAT(refusal<ValueError>([] { counts_of(-1, {1}); }), ContainsSubstring("got -1"));
}

TEST_CASE("the parts of a split are disjoint, exhaustive and repeatable") {
  const data::Dataset d = small_features(103, 4);
  for (const Stratify stratify : {Stratify::no, Stratify::yes}) {
    Generator a(7), b(7), c(8);
    const auto parts = data::split_indices(d, {60, 0, 43}, a, stratify);
    const auto again = data::split_indices(d, {60, 0, 43}, b, stratify);
    const auto other = data::split_indices(d, {60, 0, 43}, c, stratify);
    std::set<int64_t> seen;
    for (size_t p = 0; p < parts.size(); ++p) {
      CHECK(same_bits(parts[p], again[p]));
      for (const int64_t i : parts[p].values<int64_t>()) CHECK(seen.insert(i).second);
    }
    CHECK(parts[0].size(0) == 60);
    CHECK(parts[1].size(0) == 0);
    CHECK(seen.size() == 103);
    CHECK((*seen.begin() == 0 && *seen.rbegin() == 102));
    CHECK_FALSE(same_bits(parts[0], other[0]));
    // A generator that goes on gives another division.
    CHECK_FALSE(same_bits(parts[0], data::split_indices(d, {60, 0, 43}, a, stratify)[0]));
  }
}

TEST_CASE("a stratified split gives each part its share of every class") {
  data::Dataset d = small_features(1000, 4);
  // Very unlike sizes: 4 samples of class 3, 40 of class 2, 400 of class 1.
  for (int64_t i = 0; i < 1000; ++i) d.y.mutable_data<int64_t>()[i] = i < 4 ? 3 : i < 44 ? 2 : i < 444 ? 1 : 0;
  const auto whole = d.class_counts();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Generator generator(seed);
    const auto parts = data::split_fractions(d, {0.5, 0.3, 0.2}, generator, Stratify::yes);
    const double fractions[] = {0.5, 0.3, 0.2};
    for (size_t p = 0; p < 3; ++p) {
      const auto counts = parts[p].class_counts();
      CHECK(static_cast<double>(parts[p].size()) == 1000 * fractions[p]);
      for (size_t c = 0; c < 4; ++c) {
        CHECK(std::abs(static_cast<double>(counts[c]) - fractions[p] * static_cast<double>(whole[c])) <= 1);
      }
    }
  }
}

TEST_CASE("a split takes samples and labels together") {
  Generator generator(1);
  const data::Dataset d = small_features(20, 5);
  for (const auto& part : data::split_counts(d, {15, 5}, generator)) {
    for (int64_t i = 0; i < part.size(); ++i) {
      const auto sample = static_cast<int64_t>(part.x.data<float>()[3 * i]) / 10;
      CHECK(part.y.data<int64_t>()[i] == sample % 5);
    }
  }
}

TEST_CASE("an impossible split is refused") {
  Generator generator;
  data::Dataset d = small_features(10, 2);
  const auto split = [&](std::vector<int64_t> counts, Stratify stratify = Stratify::no) {
    return refusal<ValueError>([&] { data::split_counts(d, counts, generator, stratify); });
  };
  CHECK_THAT(split({5, 4}), ContainsSubstring("parts of [5, 4] do not divide the 10 samples of small"));
  CHECK_THAT(split({5, 6}), ContainsSubstring("[5, 6]"));
  CHECK_THAT(split({11, -1}), ContainsSubstring("[11, -1]"));
  CHECK_THAT(split({INT64_MAX, INT64_MAX, 12}), ContainsSubstring("do not divide"));
  CHECK_THAT(split({}), ContainsSubstring("[]"));
  d.target = d.x;
  d.y = {};
  d.classes = 0;
  CHECK_THAT(split({5, 5}, Stratify::yes), ContainsSubstring("no labels to stratify by"));
  CHECK(data::split_counts(d, {5, 5}, generator)[1].target.size(0) == 5);
}

}  // namespace divvy::test
