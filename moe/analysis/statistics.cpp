#include "moe/analysis/statistics.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "tensor/error.h"

namespace divvy::moe {

namespace {

/// The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's method.
double beta_fraction(double x, double a, double b) {
  constexpr double tiny = 1e-300;
  const auto or_tiny = [](double value) { return std::abs(value) < tiny ? tiny : value; };
  double c = 1, d = 1 / or_tiny(1 - (a + b) * x / (a + 1)), result = d;
  for (int m = 1; m < 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double factor = 1;
    for (double term : {even, odd}) {
      d = 1 / or_tiny(1 + term * d);
      c = or_tiny(1 + term / c);
      factor = c * d;
      result *= factor;
    }
    if (std::abs(factor - 1) < 1e-15) break;
  }
  return result;
}

/// I_x(a, b), the regularized incomplete beta function.
double incomplete_beta(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  // The fraction converges fast on one side of the mean; the other side follows by symmetry.
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
  return 1 - front * beta_fraction(1 - x, b, a) / b;
}

/// P(T > t) for t >= 0.
double student_t_tail(double t, double freedom) {
  return 0.5 * incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5);
}

std::map<std::string, Summary> summaries(const std::vector<RunRow>& runs, const std::vector<size_t>& rows) {
  std::map<std::string, std::vector<double>> numbers;
  for (size_t row : rows) {
    for (const auto& [name, value] : runs[row].metrics) {
      if (!std::isfinite(value))
        fail<ValueError>("runs: '{}' of the run with seed {} is {}", name, runs[row].seed, value);
      numbers[name].push_back(value);
    }
  }
  std::map<std::string, Summary> result;
  for (const auto& [name, values] : numbers) result[name] = summarize(values);
  return result;
}

void require_metric(const std::vector<RunRow>& runs, const std::string& metric) {
  if (runs.empty()) fail<ValueError>("runs: none to choose from by '{}'", metric);
  for (const RunRow& run : runs) {
    if (!run.metrics.contains(metric)) fail<ValueError>("runs: the run with seed {} has no '{}'", run.seed, metric);
  }
}

bool better(double a, double b, Goal goal) { return goal == Goal::minimize ? a < b : a > b; }

}  // namespace

Summary summarize(const std::vector<double>& numbers) {
  if (numbers.empty()) fail<ValueError>("summary: no numbers");
  Summary result;
  result.n = std::ssize(numbers);
  result.min = result.max = numbers.front();
  long double sum = 0;  // of numbers near the largest finite one, and of close numbers far from 0
  for (double x : numbers) {
    if (!std::isfinite(x)) fail<ValueError>("summary: {} is not finite", x);
    sum += x;
    result.min = std::min(result.min, x);
    result.max = std::max(result.max, x);
  }
  const auto n = static_cast<double>(result.n);
  const long double mean = sum / n;
  result.mean = static_cast<double>(mean);
  if (result.n == 1) return result;
  long double squares = 0;
  for (double x : numbers) squares += (x - mean) * (x - mean);
  result.sd = static_cast<double>(std::sqrt(squares / (n - 1)));
  result.standard_error = *result.sd / std::sqrt(n);
  result.interval_95 = student_t_quantile(0.975, n - 1) * *result.standard_error;
  return result;
}

double student_t_quantile(double p, double degrees_of_freedom) {
  if (!(p > 0 && p < 1)) fail<ValueError>("Student's t: the probability {} is outside (0, 1)", p);
  if (!(degrees_of_freedom > 0)) fail<ValueError>("Student's t: {} degrees of freedom", degrees_of_freedom);
  if (p == 0.5) return 0;
  const double tail = std::min(p, 1 - p);
  double low = 0, high = 1;
  while (student_t_tail(high, degrees_of_freedom) > tail && high < 1e300) low = high, high *= 2;
  while (high - low > 1e-14 * high) {
    const double middle = low + (high - low) / 2;
    if (middle == low || middle == high) break;
    (student_t_tail(middle, degrees_of_freedom) > tail ? low : high) = middle;
  }
  return p < 0.5 ? -high : high;
}

std::vector<RunGroup> group_runs(const std::vector<RunRow>& runs) {
  std::vector<RunGroup> groups;
  std::map<std::map<std::string, std::string>, size_t> place;
  for (size_t row = 0; row < runs.size(); ++row) {
    const auto [found, fresh] = place.try_emplace(runs[row].settings, groups.size());
    if (fresh) groups.push_back({.settings = runs[row].settings, .rows = {}, .metrics = {}});
    groups[found->second].rows.push_back(row);
  }
  for (RunGroup& group : groups) {
    std::set<int64_t> seeds;
    for (size_t row : group.rows) {
      if (!seeds.insert(runs[row].seed).second)
        fail<ValueError>("runs: two of one group have the seed {}", runs[row].seed);
    }
    group.metrics = summaries(runs, group.rows);
  }
  return groups;
}

RunGroup best_group(const std::vector<RunRow>& runs, const std::string& metric, Goal goal) {
  require_metric(runs, metric);
  auto groups = group_runs(runs);
  size_t best = 0;
  for (size_t i = 1; i < groups.size(); ++i) {
    if (better(groups[i].metrics.at(metric).mean, groups[best].metrics.at(metric).mean, goal)) best = i;
  }
  return std::move(groups[best]);
}

BestOfSeeds best_of_seeds(const std::vector<RunRow>& runs, const std::string& metric, Goal goal) {
  require_metric(runs, metric);
  std::vector<size_t> all(runs.size());
  BestOfSeeds best;
  for (size_t row = 0; row < runs.size(); ++row) {
    all[row] = row;
    if (better(runs[row].metrics.at(metric), runs[best.row].metrics.at(metric), goal)) best.row = row;
  }
  best.run = runs[best.row];
  best.pooled = summaries(runs, all);
  return best;
}

}  // namespace divvy::moe
