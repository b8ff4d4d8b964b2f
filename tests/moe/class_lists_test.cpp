#include "moe/model/class_lists.h"

#include <algorithm>
#include <set>

#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

std::vector<int64_t> integers(const Tensor& t) {
  const auto values = t.values<int64_t>();
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("every published division gives each class to one expert") {
  for (const NamedClassLists& named : named_class_lists()) {
    INFO(named.name);
    const int64_t classes = named.data == "cifar100" ? 100 : named.data == "fashion-mnist-and-mnist" ? 12 : 10;
    CHECK_NOTHROW(class_slots(named.lists, classes));
    Generator generator;
    const auto experts = static_cast<int64_t>(named.lists.size());
    CHECK(parse_class_lists(std::string(named.name), experts, classes, generator) == named.lists);
    CHECK(parse_class_lists(to_string(named.lists), experts, classes, generator) == named.lists);
  }
}

TEST_CASE("random divisions use every class once and repeat with their seed") {
  for (const auto& [experts, classes] : {std::pair<int64_t, int64_t>{5, 10}, {3, 10}, {10, 10}, {1, 4}}) {
    Generator one(7), same(7), other(8);
    const ClassLists lists = parse_class_lists("random", experts, classes, one);
    CHECK(lists == parse_class_lists("random", experts, classes, same));
    std::multiset<int64_t> seen;
    for (const auto& list : lists) {
      CHECK(std::ranges::is_sorted(list));
      CHECK(static_cast<int64_t>(list.size()) >= classes / experts);
      seen.insert(list.begin(), list.end());
    }
    CHECK(static_cast<int64_t>(seen.size()) == classes);
    CHECK(static_cast<int64_t>(std::set<int64_t>(seen.begin(), seen.end()).size()) == classes);
    if (experts == 5) CHECK(lists != parse_class_lists("random", experts, classes, other));
  }
}

TEST_CASE("labels go to the experts whose lists have them") {
  const ClassLists lists = {{0, 2}, {1}};
  CHECK(integers(experts_of_labels(lists, Tensor::from<int64_t>({1, 2, 0}))) == std::vector<int64_t>{1, 0, 0});
  const Tensor shared = experts_of_labels({{0, 1}, {1}}, Tensor::from<int64_t>({0, 1}));
  CHECK(shared.shape() == Shape{2, 2});
  CHECK(integers(shared) == std::vector<int64_t>{0, -1, 0, 1});
  CHECK(experts_of_labels(lists, Tensor::zeros({0}, DType::i64)).shape() == Shape{0, 1});
  CHECK_THROWS_AS(experts_of_labels(lists, Tensor::from<int64_t>({3})), ValueError);
}

TEST_CASE("slots say where a class stands") {
  const ClassLists lists = {{3, 0}, {1}, {2}};  // the widest list has two places
  CHECK(integers(class_slots(lists, 4)) == std::vector<int64_t>{1, 2, 4, 0});
  CHECK(integers(expert_slots(lists, 4)) == std::vector<int64_t>{1, -1, -1, 0, -1, 0, -1, -1, -1, -1, 0, -1});
  CHECK(widest(lists) == 2);
  CHECK_THROWS_AS(class_slots({{0}, {0, 1}}, 2), ValueError);
  CHECK_THROWS_AS(class_slots({{0}, {1}}, 3), ValueError);
  CHECK_THROWS_AS(class_slots({{0}, {5}}, 2), ValueError);
}

TEST_CASE("class lists that cannot be are refused") {
  Generator generator;
  CHECK_THROWS_AS(parse_class_lists("0,1|x", 2, 3, generator), ValueError);
  CHECK_THROWS_AS(parse_class_lists("", 1, 3, generator), ValueError);
  CHECK_THROWS_AS(parse_class_lists("0,1|2", 3, 3, generator), ValueError);
  CHECK_THROWS_AS(parse_class_lists("0,1|7", 2, 3, generator), ValueError);
  CHECK_THROWS_AS(parse_class_lists("0,1,0|2", 2, 3, generator), ValueError);
  CHECK_THROWS_AS(parse_class_lists("random", 4, 3, generator), ValueError);
}

}  // namespace divvy::test
