#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Statistics over runs that differ in their seeds, and over groups of such runs that differ in their settings.
namespace divvy::moe {

/// Statistics of a sample of numbers. Those that need two numbers are absent for one.
struct Summary {
  int64_t n = 0;
  double mean = 0, min = 0, max = 0;
  std::optional<double> sd;              ///< unbiased: sqrt(sum (x - mean)^2 / (n - 1))
  std::optional<double> standard_error;  ///< sd / sqrt(n)
  /// Half the width of the 95 % confidence interval of the mean, t * standard_error with t the 0.975 quantile of
  /// Student's distribution with n - 1 degrees of freedom: the interval is mean -+ interval_95.
  std::optional<double> interval_95;
};

/// Throws ValueError if there are no numbers, or one is not finite.
Summary summarize(const std::vector<double>& numbers);

/// The p-quantile of Student's t distribution, found by bisection of its distribution function, which is a regularized
/// incomplete beta function (Abramowitz and Stegun 26.7.1). It is accurate to about 12 digits. Throws ValueError unless
/// 0 < p < 1 and degrees_of_freedom > 0.
double student_t_quantile(double p, double degrees_of_freedom);

/// One run: its settings and metrics by name, and its seed.
struct RunRow {
  std::map<std::string, std::string> settings;
  int64_t seed = 0;
  std::map<std::string, double> metrics;
};

/// The runs with equal settings.
struct RunGroup {
  std::map<std::string, std::string> settings;
  std::vector<size_t> rows;                ///< their indices in the list of runs
  std::map<std::string, Summary> metrics;  ///< over the n runs that have the metric
};

/// The groups of runs with equal settings, in the order of their first run. Throws ValueError if two runs of a group
/// have the same seed, or if a metric is not finite.
std::vector<RunGroup> group_runs(const std::vector<RunRow>& runs);

enum class Goal : uint8_t { minimize, maximize };

/// The group whose mean of `metric` is best, the first of equal ones: select by a validation metric, then report mean
/// and spread of every metric over the seeds of that group. Throws ValueError if there are no runs, or one lacks the
/// metric.
RunGroup best_group(const std::vector<RunRow>& runs, const std::string& metric, Goal goal);

/// The single best run of all settings and seeds, with the spread of each metric pooled over all runs. It is provided
/// for comparison with tables in the literature that report this, although the best of many seeds is better than the
/// expected result of one, and the pooled spread is not that of any setting.
struct BestOfSeeds {
  size_t row = 0;  ///< its index in the list of runs
  RunRow run;
  std::map<std::string, Summary> pooled;  ///< over all runs that have the metric
};
BestOfSeeds best_of_seeds(const std::vector<RunRow>& runs, const std::string& metric, Goal goal);

}  // namespace divvy::moe
