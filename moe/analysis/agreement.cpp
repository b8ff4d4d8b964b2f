#include "moe/analysis/agreement.h"

#include <algorithm>
#include <limits>

#include "tensor/error.h"

namespace divvy::moe {

namespace {

/// The number of pairs, n (n - 1) / 2.
double pairs(int64_t n) { return 0.5 * static_cast<double>(n) * static_cast<double>(n - 1); }

void require_same_samples(const Record& a, const Record& b) {
  if (a.size() != b.size()) fail<ValueError>("agreement: records of {} and {} samples", a.size(), b.size());
  if (a.size() == 0) fail<ValueError>("agreement: the records have no samples");
  if (a.label != b.label) fail<ValueError>("agreement: the labels differ, so the records are not of the same samples");
}

/// The Hungarian method with potentials (Kuhn 1955; Jonker and Volgenant 1987) for costs [rows][columns], rows <=
/// columns: the column of each row in the assignment of least total cost.
std::vector<int64_t> least_cost(const std::vector<std::vector<int64_t>>& costs) {
  // Row and column 0 are sentinels: column 0 holds the row being assigned.
  const size_t rows = costs.size(), columns = costs.front().size();
  std::vector<int64_t> of_row(rows + 1, 0), of_column(columns + 1, 0);
  std::vector<size_t> row_at(columns + 1, 0);
  for (size_t row = 1; row <= rows; ++row) {
    std::vector<int64_t> slack(columns + 1, std::numeric_limits<int64_t>::max());
    std::vector<size_t> from(columns + 1, 0);
    std::vector<bool> done(columns + 1, false);
    row_at[0] = row;
    size_t column = 0;
    do {
      done[column] = true;
      const size_t current = row_at[column];
      size_t next = 0;
      int64_t least = std::numeric_limits<int64_t>::max();
      for (size_t c = 1; c <= columns; ++c) {
        if (done[c]) continue;
        const int64_t reduced = costs[current - 1][c - 1] - of_row[current] - of_column[c];
        if (reduced < slack[c]) slack[c] = reduced, from[c] = column;
        if (slack[c] < least) least = slack[c], next = c;
      }
      for (size_t c = 0; c <= columns; ++c) {
        if (done[c]) {
          of_row[row_at[c]] += least;
          of_column[c] -= least;
        } else if (c > 0) {
          slack[c] -= least;
        }
      }
      column = next;
    } while (row_at[column] != 0);
    while (column != 0) {
      row_at[column] = row_at[from[column]];
      column = from[column];
    }
  }
  std::vector<int64_t> partner(rows, -1);
  for (size_t c = 1; c <= columns; ++c) {
    if (row_at[c] != 0) partner[row_at[c] - 1] = static_cast<int64_t>(c) - 1;
  }
  return partner;
}

}  // namespace

Counts expert_pairs(const Record& a, const Record& b) {
  require_same_samples(a, b);
  return count_pairs(a.expert, a.experts, b.expert, b.experts);
}

double adjusted_rand_index(const Counts& counts) {
  mutual_information(counts);  // checks the table
  std::vector<int64_t> column_sums(counts.front().size(), 0);
  int64_t total = 0;
  double joint = 0, rows = 0, columns = 0;
  for (const auto& row : counts) {
    int64_t row_sum = 0;
    for (size_t c = 0; c < row.size(); ++c) {
      joint += pairs(row[c]);
      row_sum += row[c];
      column_sums[c] += row[c];
    }
    rows += pairs(row_sum);
    total += row_sum;
  }
  for (int64_t sum : column_sums) columns += pairs(sum);
  if (total < 2) return 1;
  const double expected = rows / pairs(total) * columns, most = (rows + columns) / 2;
  return most == expected ? 1 : (joint - expected) / (most - expected);
}

std::vector<int64_t> best_partners(const Counts& counts) {
  if (counts.empty() || counts.front().empty()) fail<ValueError>("partners: an empty table");
  const size_t rows = counts.size(), columns = counts.front().size();
  // The method needs at least as many columns as rows, so a tall table is transposed.
  const bool tall = rows > columns;
  Counts costs(tall ? columns : rows, std::vector<int64_t>(tall ? rows : columns));
  for (size_t r = 0; r < rows; ++r) {
    if (counts[r].size() != columns) fail<ValueError>("partners: rows of {} and {} counts", columns, counts[r].size());
    for (size_t c = 0; c < columns; ++c) (tall ? costs[c][r] : costs[r][c]) = -counts[r][c];
  }
  const std::vector<int64_t> found = least_cost(costs);
  if (!tall) return found;
  std::vector<int64_t> partners(rows, -1);
  for (size_t c = 0; c < columns; ++c) partners[static_cast<size_t>(found[c])] = static_cast<int64_t>(c);
  return partners;
}

RoutingAgreement routing_agreement(const Record& a, const Record& b) {
  const Counts counts = expert_pairs(a, b);
  RoutingAgreement result;
  result.adjusted_rand_index = adjusted_rand_index(counts);
  result.normalized_information = mutual_information(counts).normalized;
  result.partners = best_partners(counts);
  int64_t matched = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (result.partners[i] >= 0) matched += counts[i][static_cast<size_t>(result.partners[i])];
  }
  result.matched_share = static_cast<double>(matched) / static_cast<double>(a.size());
  return result;
}

Summary routing_stability(const std::vector<Record>& runs) {
  if (runs.size() < 2) fail<ValueError>("stability: {} runs, expected two or more", runs.size());
  std::vector<double> indices;
  for (size_t i = 0; i < runs.size(); ++i) {
    for (size_t j = 0; j < i; ++j) indices.push_back(adjusted_rand_index(expert_pairs(runs[j], runs[i])));
  }
  return summarize(indices);
}

double switch_rate(const Record& earlier, const Record& later) {
  require_same_samples(earlier, later);
  if (earlier.experts != later.experts) {
    fail<ValueError>("switch rate: records of {} and {} experts", earlier.experts, later.experts);
  }
  int64_t switched = 0;
  for (size_t i = 0; i < earlier.expert.size(); ++i) switched += earlier.expert[i] != later.expert[i];
  return static_cast<double>(switched) / static_cast<double>(earlier.size());
}

}  // namespace divvy::moe
