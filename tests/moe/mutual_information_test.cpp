#include "moe/analysis/mutual_information.h"

#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using namespace moe;

TEST_CASE("mutual information of independent and of identical variables") {
  CHECK(mutual_information_bits({{5, 5}, {5, 5}}) == Approx(0).margin(1e-12));
  CHECK(mutual_information_bits({{0, 7, 0}, {0, 9, 0}}) == Approx(0).margin(1e-12));
  CHECK(mutual_information_bits({{3, 0, 0, 0}, {0, 3, 0, 0}, {0, 0, 3, 0}, {0, 0, 0, 3}}) == Approx(2));
  CHECK(mutual_information_bits({{4}}) == 0);
}

TEST_CASE("mutual information and what comes with it, worked out by hand") {
  // Rows (2, 1 | 1): H_row = H(3/4), H_column = H(2/4, 2/4), H_joint = H(1/2, 1/4, 1/4) = 1.5.
  const MutualInformation info = mutual_information({{2, 1}, {0, 1}});
  const double h_row = 2 - 0.75 * std::log2(3);
  CHECK(info.row_entropy_bits == Approx(h_row));
  CHECK(info.column_entropy_bits == Approx(1));
  CHECK(info.joint_entropy_bits == Approx(1.5));
  CHECK(info.bits == Approx(h_row - 0.5));
  // Three cells, two rows, two columns are occupied: the bias is (3 - 2 - 2 + 1) / (2 N) = 0.
  CHECK(info.corrected_bits == Approx(info.bits));
  CHECK(info.normalized == Approx(2 * info.bits / (h_row + 1)));
  CHECK(info.share_of_row == Approx(info.bits / h_row));
  // All four cells occupied: (4 - 2 - 2 + 1) / (2 * 20) nats of bias, and an estimate below 0 stays below 0.
  const MutualInformation none = mutual_information({{5, 5}, {5, 5}});
  CHECK(none.corrected_bits == Approx(-1 / (40 * std::log(2))));
  CHECK(none.normalized == Approx(0).margin(1e-12));
  const MutualInformation constant = mutual_information({{7, 0}, {0, 0}});
  CHECK(constant.normalized == 0);
  CHECK(constant.share_of_row == 0);
  CHECK(constant.corrected_bits == 0);
  const MutualInformation whole = mutual_information({{0, 4}, {4, 0}});
  CHECK(whole.normalized == Approx(1));
  CHECK(whole.share_of_row == Approx(1));
}

TEST_CASE("mutual information agrees with the sum over cells") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Generator random(seed);
    const auto rows = static_cast<size_t>(1 + random.integer(6)), columns = static_cast<size_t>(1 + random.integer(6));
    Counts counts(rows, std::vector<int64_t>(columns));
    std::vector<double> row_sum(rows), column_sum(columns);
    double total = 0;
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        counts[r][c] = std::max<int64_t>(0, random.integer(9) - 3) + (r + c == 0);
        const auto n = static_cast<double>(counts[r][c]);
        row_sum[r] += n, column_sum[c] += n, total += n;
      }
    }
    double expected = 0;
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        const auto n = static_cast<double>(counts[r][c]);
        if (n > 0) expected += n / total * std::log2(n * total / (row_sum[r] * column_sum[c]));
      }
    }
    CAPTURE(seed);
    CHECK(mutual_information_bits(counts) == Approx(expected).margin(1e-9));
  }
}

TEST_CASE("tables that are none are refused") {
  CHECK_THROWS_AS(mutual_information({}), ValueError);
  CHECK_THROWS_AS(mutual_information({{0, 0}}), ValueError);
  CHECK(refusal<ValueError>([] { mutual_information({{1, 2}, {3}}); }).find("2 and 1") != std::string::npos);
  CHECK_THROWS_AS(mutual_information({{1, -2}}), ValueError);
  CHECK(refusal<ValueError>([] { count_pairs({0, 1}, 2, {0}, 1); }).find("2 rows and 1") != std::string::npos);
  CHECK(refusal<ValueError>([] { count_pairs({0, 2}, 2, {0, 0}, 1); }).find("(2, 0)") != std::string::npos);
  CHECK(count_pairs({0, -1, 1, 1}, 2, {0, 0, -1, 2}, 3) == Counts{{1, 0, 0}, {0, 0, 1}});
  CHECK_THROWS_AS(entropy_bits({0.5, -0.1}), ValueError);
  CHECK_THROWS_AS(entropy_bits({std::numeric_limits<double>::quiet_NaN()}), ValueError);
  CHECK_THROWS_AS(entropy_bits({std::numeric_limits<double>::infinity()}), ValueError);
}

TEST_CASE("entropy of weights needs no sum of one") {
  CHECK(entropy_bits({3, 3, 3, 3}) == Approx(2));
  CHECK(entropy_bits({5, 0}) == 0);
  CHECK(entropy_bits({0, 0}) == 0);
  CHECK(entropy_bits({}) == 0);
  CHECK(entropy_bits({1, 3}) == Approx(2 - 0.75 * std::log2(3)));
}

TEST_CASE("the permutation null shows the bias of the plug-in estimate") {
  // Independent variables with 4 and 5 values: the estimate is about (4 - 1)(5 - 1) / (2 N ln 2) too high.
  Generator random(5);
  std::vector<int64_t> rows, columns, related;
  for (int i = 0; i < 400; ++i) {
    rows.push_back(random.integer(4));
    columns.push_back(random.integer(5));
    related.push_back((rows.back() + random.integer(2)) % 5);
  }
  Generator order(7), again(7);
  const PermutationNull null = permutation_null(rows, 4, columns, 5, 400, order);
  const double bias = 12 / (2 * 400 * std::log(2));
  CHECK(null.permutations == 400);
  CHECK(null.mean_bits == Approx(bias).epsilon(0.1));
  // 2 N ln 2 I is nearly chi-squared with 12 degrees of freedom, so its deviation is sqrt(24).
  CHECK(null.sd_bits == Approx(std::sqrt(24.0) / (2 * 400 * std::log(2))).epsilon(0.2));
  CHECK(null.p_value > 0.02);
  CHECK(permutation_null(rows, 4, columns, 5, 400, again).mean_bits == null.mean_bits);
  CHECK(permutation_null(rows, 4, related, 5, 99, order).p_value == Approx(0.01));
}

TEST_CASE("a permutation null by hand, with pairs left out and with a constant") {
  // Two pairs are kept, (0, 0) and (1, 1): every order of the rows gives one bit.
  Generator random(1);
  const PermutationNull one = permutation_null({0, 1, -1, 0}, 2, {0, 1, 1, -1}, 2, 10, random);
  CHECK(one.mean_bits == Approx(1));
  CHECK(one.sd_bits == 0);
  CHECK(one.p_value == 1);
  const PermutationNull constant = permutation_null({0, 0, 0}, 1, {0, 1, 1}, 2, 1, random);
  CHECK(constant.mean_bits == 0);
  CHECK(constant.sd_bits == 0);
  CHECK(constant.p_value == 1);
  CHECK_THROWS_AS(permutation_null({0}, 1, {0}, 1, 0, random), ValueError);
  CHECK_THROWS_AS(permutation_null({-1}, 1, {0}, 1, 5, random), ValueError);
}

}  // namespace divvy::test
