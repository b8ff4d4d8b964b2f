#include "datasets/compose.h"

#include <set>

#include "tests/datasets/data_support.h"

namespace divvy::test {

using data::Dataset;

TEST_CASE("concat appends datasets") {
  const Dataset a = small_features(4, 2), b = small_features(3, 2);
  const Dataset all = data::concat({a, b.slice(0, 0), b});
  CHECK(all.size() == 7);
  CHECK(same_bits(all.x.slice(0, 4), a.x));
  CHECK(same_bits(all.x.slice(4, 7), b.x));
  CHECK(to_list(all.y) == std::vector<int64_t>{0, 1, 0, 1, 0, 1, 0});
  Dataset regression = a;
  regression.target = a.x;
  CHECK(same_bits(data::concat({regression, regression}).target.slice(4, 8), a.x));

  CHECK_THAT(refusal<ValueError>([] { data::concat({}); }), ContainsSubstring("no dataset"));
  CHECK_THAT(refusal<DataError>([&] {
               data::concat({a, small_images(2, 1, 2, 2)});
             }),
             ContainsSubstring("u8 [2, 1, 2, 2]"));
  CHECK_THAT(refusal<DataError>([&] {
               data::concat({a, small_features(3, 3)});
             }),
             ContainsSubstring("3 classes) do not"));
  CHECK_THAT(refusal<DataError>([&] { data::concat({a, regression}); }), ContainsSubstring("do not go together"));
}

TEST_CASE("keep_classes chooses and renumbers") {
  Dataset d = small_features(8, 4);
  d.class_names = {"zero", "one", "two", "three"};
  const Dataset kept = data::keep_classes(d, {3, 1});
  CHECK(kept.x.to_doubles()[0] == 10);
  CHECK(kept.x.to_doubles()[3] == 30);
  CHECK(to_list(kept.y) == std::vector<int64_t>{1, 0, 1, 0});
  CHECK(kept.class_names == std::vector<std::string>{"three", "one"});
  CHECK(data::keep_classes(small_features(2, 4), {3}).size() == 0);

  const auto refused = [&](std::vector<int64_t> classes) {
    return refusal<ValueError>([&] { data::keep_classes(d, classes); });
  };
  CHECK_THAT(refused({4}), ContainsSubstring("[4] is no choice among the 4 classes of small"));
  CHECK_THAT(refused({-1}), ContainsSubstring("[-1]"));
  CHECK_THAT(refused({1, 2, 1}), ContainsSubstring("[1, 2, 1]"));
  CHECK_THAT(refused({}), ContainsSubstring("at least one class"));
}

TEST_CASE("join_classes puts the classes of two datasets side by side") {
  Dataset a = small_features(4, 2), b = small_features(3, 3);
  const Dataset both = data::join_classes(a, b);
  CHECK(both.classes == 5);
  CHECK(to_list(both.y) == std::vector<int64_t>{0, 1, 0, 1, 2, 3, 4});
  CHECK(to_list(b.y) == std::vector<int64_t>{0, 1, 2});
  CHECK(both.class_names.empty());
  a.class_names = {"cat", "dog"};
  b.class_names = {"a", "b", "c"};
  CHECK(data::join_classes(a, b).class_name(3) == "b");
  CHECK_THAT(refusal<DataError>([&] { data::join_classes(a, small_images(2, 1, 2, 2)); }),
             ContainsSubstring("do not go together"));
  Dataset unlabeled = a;
  unlabeled.target = a.x;
  unlabeled.y = {};
  unlabeled.classes = 0;
  unlabeled.class_names = {};
  CHECK_THAT(refusal<ValueError>([&] { data::join_classes(a, unlabeled); }), ContainsSubstring("has no labels"));
}

TEST_CASE("take_per_class draws as many as asked, each at most once") {
  const Dataset d = small_features(100, 4);
  Generator a(1), b(1), c(2);
  const Dataset taken = data::take_per_class(d, {25, 0, 3, 10}, a);
  CHECK(taken.class_counts() == std::vector<int64_t>{25, 0, 3, 10});
  std::set<double> distinct;
  for (int64_t i = 0; i < taken.size(); ++i) distinct.insert(static_cast<double>(taken.x.data<float>()[3 * i]));
  CHECK(distinct.size() == 38);
  CHECK(same_bits(data::take_per_class(d, {25, 0, 3, 10}, b).x, taken.x));
  CHECK_FALSE(same_bits(data::take_per_class(d, {25, 0, 3, 10}, c).x, taken.x));
  const auto refused = [&](std::vector<int64_t> counts) {
    return refusal<ValueError>([&] { data::take_per_class(d, counts, a); });
  };
  CHECK_THAT(refused({26, 0, 0, 0}), ContainsSubstring("cannot take [26, 0, 0, 0] of the [25, 25, 25, 25] samples"));
  CHECK_THAT(refused({-1, 0, 0, 0}), ContainsSubstring("[-1, 0, 0, 0]"));
  CHECK_THAT(refused({1, 1, 1}), ContainsSubstring("[1, 1, 1]"));
}

TEST_CASE("imbalanced leaves a long tail") {
  const Dataset d = small_features(300, 3);
  Generator generator;
  CHECK(data::imbalanced(d, 0.01, generator).class_counts() == std::vector<int64_t>{100, 10, 1});
  CHECK(data::imbalanced(d, 1, generator).size() == 300);
  CHECK(data::imbalanced(small_features(5, 1), 0.5, generator).size() == 5);
  CHECK_THAT(refusal<ValueError>([&] { data::imbalanced(d, 0, generator); }), ContainsSubstring("(0, 1], got 0"));
  CHECK_THAT(refusal<ValueError>([&] { data::imbalanced(d, 1.5, generator); }), ContainsSubstring("got 1.5"));
}

}  // namespace divvy::test
