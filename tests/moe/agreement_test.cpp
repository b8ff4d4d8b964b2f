#include "moe/analysis/agreement.h"

#include <algorithm>
#include <numeric>

#include "tensor/error.h"
#include "tests/moe/record_support.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using namespace moe;

namespace {

Record routed(const std::vector<int64_t>& expert, int64_t experts) {
  Record record;
  record.experts = experts;
  record.expert = expert;
  return record;
}

}  // namespace

TEST_CASE("the adjusted Rand index, worked out by hand") {
  // Parts {0 1 2} {3 4 5} against {0 1} {2 3} {4 5}: of 15 pairs 2 are together in both, 6 in the rows and 3 in the
  // columns; 6 * 3 / 15 = 1.2 are expected, 4.5 would be the most.
  CHECK(adjusted_rand_index({{2, 1, 0}, {0, 1, 2}}) == Approx((2 - 1.2) / (4.5 - 1.2)));
  CHECK(adjusted_rand_index({{0, 4}, {3, 0}}) == Approx(1));        // other names
  CHECK(adjusted_rand_index({{1, 1}, {1, 1}}) == Approx(-0.5));     // less than by chance: (0 - 2 / 3) / (2 - 2 / 3)
  CHECK(adjusted_rand_index({{3, 3}}) == Approx(0).margin(1e-12));  // one part tells nothing of two
  CHECK(adjusted_rand_index({{5}}) == 1);
  CHECK(adjusted_rand_index({{1, 0}, {0, 1}}) == 1);  // parts of one sample
  CHECK(adjusted_rand_index({{1}}) == 1);
  CHECK_THROWS_AS(adjusted_rand_index({{0}}), ValueError);
  CHECK_THROWS_AS(adjusted_rand_index({}), ValueError);
}

TEST_CASE("partners are the best of all assignments") {
  CHECK(best_partners({{1, 9}, {8, 9}}) == std::vector<int64_t>{1, 0});  // greedy would take 9 twice or 8 + 1
  CHECK(best_partners({{5, 0, 7}}) == std::vector<int64_t>{2});
  CHECK(best_partners({{5}, {6}, {1}}) == std::vector<int64_t>{-1, 0, -1});
  CHECK_THROWS_AS(best_partners({}), ValueError);
  CHECK_THROWS_AS(best_partners({{}}), ValueError);
  CHECK_THROWS_AS(best_partners({{1, 2}, {3}}), ValueError);
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Generator random(seed);
    const auto rows = static_cast<size_t>(1 + random.integer(5)), columns = static_cast<size_t>(1 + random.integer(5));
    Counts counts(rows, std::vector<int64_t>(columns));
    for (auto& row : counts) {
      for (int64_t& count : row) count = random.integer(seed % 2 == 0 ? 4 : 1000);
    }
    // Every order of the longer side, the shorter side taken in order.
    std::vector<size_t> order(std::max(rows, columns));
    std::iota(order.begin(), order.end(), size_t{0});
    int64_t best = 0;
    do {
      int64_t sum = 0;
      for (size_t i = 0; i < std::min(rows, columns); ++i)
        sum += rows <= columns ? counts[i][order[i]] : counts[order[i]][i];
      best = std::max(best, sum);
    } while (std::ranges::next_permutation(order).found);
    const auto partners = best_partners(counts);
    CAPTURE(seed, rows, columns);
    REQUIRE(partners.size() == rows);
    std::vector<bool> taken(columns, false);
    int64_t sum = 0;
    size_t placed = 0;
    for (size_t r = 0; r < rows; ++r) {
      if (partners[r] < 0) continue;
      const auto c = static_cast<size_t>(partners[r]);
      REQUIRE(c < columns);
      CHECK(!taken[c]);
      taken[c] = true;
      sum += counts[r][c];
      ++placed;
    }
    CHECK(placed == std::min(rows, columns));
    CHECK(sum == best);
  }
}

TEST_CASE("two runs that divide alike under other names agree") {
  const Record a = routed({0, 0, 1, 1, 2, 2, -1}, 3), b = routed({2, 2, 0, 0, 1, 1, 0}, 4);
  CHECK(expert_pairs(a, b) == Counts{{0, 0, 2, 0}, {2, 0, 0, 0}, {0, 2, 0, 0}});
  const RoutingAgreement same = routing_agreement(a, b);
  CHECK(same.adjusted_rand_index == Approx(1));
  CHECK(same.normalized_information == Approx(1));
  CHECK(same.matched_share == Approx(6 / 7.0));
  CHECK(same.partners == std::vector<int64_t>{2, 0, 1});
  const RoutingAgreement one = routing_agreement(a, routed({0, 0, 0, 0, 0, 0, 0}, 1));
  CHECK(one.adjusted_rand_index == Approx(0).margin(1e-12));
  CHECK(one.normalized_information == 0);
  CHECK(one.matched_share == Approx(2 / 7.0));
  const Record twisted = routed({2, 2, 0, 1, 0, 1, 0}, 3);
  const Summary stability = routing_stability({a, routed({2, 2, 0, 0, 1, 1, 0}, 3), twisted});
  CHECK(stability.n == 3);
  CHECK(stability.max == Approx(1));
  CHECK(stability.mean == Approx((1 + adjusted_rand_index(expert_pairs(a, twisted)) +
                                  adjusted_rand_index(expert_pairs(routed({2, 2, 0, 0, 1, 1, 0}, 3), twisted))) /
                                 3));
  CHECK_THROWS_AS(routing_stability({a}), ValueError);
}

TEST_CASE("samples that change their expert") {
  const Record a = routed({0, 1, 1, 0}, 2);
  CHECK(switch_rate(a, a) == 0);
  CHECK(switch_rate(a, routed({0, 0, 1, -1}, 2)) == 0.5);
  CHECK(refusal<ValueError>([&] {
          switch_rate(a, routed({0, 0, 1, 0}, 3));
        }).find("2 and 3 experts") != std::string::npos);
}

TEST_CASE("records of other samples are not compared") {
  const Record a = random_record(6, 2, 3, 1), b = random_record(5, 2, 3, 1), c = random_record(6, 2, 3, 2);
  CHECK(refusal<ValueError>([&] { routing_agreement(a, b); }) == "agreement: records of 6 and 5 samples");
  CHECK(refusal<ValueError>([&] { routing_agreement(a, c); }).find("labels differ") != std::string::npos);
  CHECK_THROWS_AS(expert_pairs(Record(), Record()), ValueError);
}

}  // namespace divvy::test
