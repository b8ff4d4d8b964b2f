#include "moe/analysis/statistics.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using namespace moe;

TEST_CASE("quantiles of Student's distribution are those of the tables") {
  const std::pair<double, double> table[] = {{1, 12.7062047362}, {2, 4.3026527297},  {3, 3.1824463053},
                                             {4, 2.7764451052},  {9, 2.2621571628},  {19, 2.0930240544},
                                             {30, 2.0422724563}, {99, 1.9842169516}, {1000, 1.9623390808}};
  for (const auto& [freedom, quantile] : table) {
    CAPTURE(freedom);
    CHECK(student_t_quantile(0.975, freedom) == Approx(quantile).epsilon(1e-9));
    CHECK(student_t_quantile(0.025, freedom) == Approx(-quantile).epsilon(1e-9));
  }
  // One degree of freedom is Cauchy's distribution, two have a closed form.
  for (double p : {0.6, 0.9, 0.999, 0.9999}) {
    CHECK(student_t_quantile(p, 1) == Approx(std::tan(std::numbers::pi * (p - 0.5))).epsilon(1e-9));
    CHECK(student_t_quantile(p, 2) == Approx((2 * p - 1) / std::sqrt(2 * p * (1 - p))).epsilon(1e-9));
  }
  CHECK(student_t_quantile(0.5, 7) == 0);
  CHECK(student_t_quantile(0.995, 5) == Approx(4.0321429836));
  for (double p : {0.0, 1.0, -0.1, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THROWS_AS(student_t_quantile(p, 3), ValueError);
  }
  CHECK_THROWS_AS(student_t_quantile(0.9, 0), ValueError);
}

TEST_CASE("a summary, worked out by hand") {
  const Summary s = summarize({2, 4, 4, 4, 5, 5, 7, 9});
  CHECK(s.n == 8);
  CHECK(s.mean == 5);
  CHECK(s.min == 2);
  CHECK(s.max == 9);
  CHECK(*s.sd == Approx(std::sqrt(32 / 7.0)));
  CHECK(*s.standard_error == Approx(std::sqrt(32 / 7.0 / 8)));
  CHECK(*s.interval_95 == Approx(2.3646242510 * std::sqrt(32 / 7.0 / 8)));
  const Summary one = summarize({3});
  CHECK(one.mean == 3);
  CHECK(one.min == 3);
  CHECK(!one.sd);
  CHECK(!one.standard_error);
  CHECK(!one.interval_95);
  CHECK(*summarize({0.1, 0.1, 0.1}).sd == Approx(0).margin(1e-16));
  // A large offset takes no digits from the deviation.
  CHECK(*summarize({1e9 + 1, 1e9 + 2, 1e9 + 3}).sd == Approx(1));
  CHECK_THROWS_AS(summarize({}), ValueError);
  CHECK_THROWS_AS(summarize({1, std::numeric_limits<double>::infinity()}), ValueError);
}

namespace {

/// Two weights of a regularizer with two seeds each. By validation error the second is better on average, but the best
/// single run is of the first.
std::vector<RunRow> four_runs() {
  const auto run = [](const char* weight, int64_t seed, double validation, double test) {
    return RunRow{{{"data", "mnist"}, {"importance", weight}}, seed, {{"val_error", validation}, {"test_error", test}}};
  };
  return {run("0.2", 1, 0.02, 0.05), run("0.4", 1, 0.05, 0.06), run("0.2", 2, 0.12, 0.11), run("0.4", 2, 0.07, 0.08)};
}

}  // namespace

TEST_CASE("runs are grouped by their settings") {
  const auto groups = group_runs(four_runs());
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].settings.at("importance") == "0.2");
  CHECK(groups[0].rows == std::vector<size_t>{0, 2});
  CHECK(groups[1].rows == std::vector<size_t>{1, 3});
  CHECK(groups[0].metrics.at("val_error").mean == Approx(0.07));
  CHECK(*groups[1].metrics.at("test_error").sd == Approx(0.02 / std::numbers::sqrt2));
  CHECK(group_runs({}).empty());
  auto runs = four_runs();
  runs[2].metrics.erase("test_error");
  CHECK(group_runs(runs)[0].metrics.at("test_error").n == 1);
  CHECK(group_runs(runs)[0].metrics.at("val_error").n == 2);
  runs[2].seed = 1;
  CHECK(refusal<ValueError>([&] { group_runs(runs); }) == "runs: two of one group have the seed 1");
}

TEST_CASE("choosing by the mean and reporting the best seed are different things") {
  const auto runs = four_runs();
  const RunGroup chosen = best_group(runs, "val_error", Goal::minimize);
  CHECK(chosen.settings.at("importance") == "0.4");
  CHECK(chosen.metrics.at("test_error").mean == Approx(0.07));
  const BestOfSeeds lucky = best_of_seeds(runs, "val_error", Goal::minimize);
  CHECK(lucky.row == 0);
  CHECK(lucky.run.metrics.at("test_error") == 0.05);
  CHECK(lucky.pooled.at("test_error").n == 4);
  CHECK(lucky.pooled.at("test_error").mean == Approx(0.075));
  CHECK(best_group(runs, "val_error", Goal::maximize).settings.at("importance") == "0.2");
  CHECK(best_of_seeds(runs, "val_error", Goal::maximize).row == 2);
}

TEST_CASE("the first of equals is chosen, and what cannot be compared is refused") {
  auto runs = four_runs();
  for (RunRow& run : runs) run.metrics["flat"] = 1;
  CHECK(best_group(runs, "flat", Goal::minimize).rows.front() == 0);
  CHECK(best_of_seeds(runs, "flat", Goal::maximize).row == 0);
  CHECK(refusal<ValueError>([&] { best_group({}, "val_error", Goal::minimize); }).find("none to choose from") !=
        std::string::npos);
  runs[3].metrics.erase("flat");
  CHECK(refusal<ValueError>([&] { best_of_seeds(runs, "flat", Goal::minimize); }) ==
        "runs: the run with seed 2 has no 'flat'");
  CHECK_THROWS_AS(best_group(runs, "flat", Goal::minimize), ValueError);
  runs[1].metrics["val_error"] = std::numeric_limits<double>::quiet_NaN();
  CHECK(refusal<ValueError>([&] { group_runs(runs); }) == "runs: 'val_error' of the run with seed 1 is nan");
}

}  // namespace divvy::test
