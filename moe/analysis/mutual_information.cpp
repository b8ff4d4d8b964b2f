#include "moe/analysis/mutual_information.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tensor/error.h"

namespace divvy::moe {

namespace {

double share_of(double part, double whole) { return whole > 0 ? part / whole : 0; }

/// The entropy of counts, and the number of nonzero ones.
struct Marginal {
  double bits = 0;
  int64_t occupied = 0;

  void add(int64_t count, int64_t total) {
    if (count == 0) return;
    const double share = static_cast<double>(count) / static_cast<double>(total);
    bits -= share * std::log2(share);
    ++occupied;
  }
};

int64_t checked_total(const Counts& counts) {
  int64_t total = 0;
  for (const auto& row : counts) {
    if (row.size() != counts.front().size()) {
      fail<ValueError>("mutual information: rows of {} and {} counts", counts.front().size(), row.size());
    }
    for (int64_t count : row) {
      if (count < 0) fail<ValueError>("mutual information: the count {} is negative", count);
      total += count;
    }
  }
  if (total == 0) fail<ValueError>("mutual information: the table has no counts");
  return total;
}

}  // namespace

double entropy_bits(const std::vector<double>& weights) {
  double total = 0, entropy = 0, largest = 0;
  for (double weight : weights) {
    if (!(weight >= 0) || std::isinf(weight)) fail<ValueError>("entropy: the weight {} is no share", weight);
    total += weight;
    largest = std::max(largest, weight);
  }
  // Weights whose sum would be infinite are counted in units of the largest.
  const double unit = std::isinf(total) ? largest : 1;
  if (unit != 1) {
    total = 0;
    for (double weight : weights) total += weight / unit;
  }
  for (double weight : weights) {
    const double share = weight / unit / total;
    if (share > 0) entropy -= share * std::log2(share);
  }
  return std::max(0.0, entropy);
}

MutualInformation mutual_information(const Counts& counts) {
  const int64_t total = checked_total(counts);
  Marginal rows, columns, joint;
  std::vector<int64_t> column_sums(counts.front().size(), 0);
  for (const auto& row : counts) {
    int64_t row_sum = 0;
    for (size_t c = 0; c < row.size(); ++c) {
      joint.add(row[c], total);
      row_sum += row[c];
      column_sums[c] += row[c];
    }
    rows.add(row_sum, total);
  }
  for (int64_t sum : column_sums) columns.add(sum, total);
  MutualInformation result;
  result.row_entropy_bits = rows.bits;
  result.column_entropy_bits = columns.bits;
  result.joint_entropy_bits = joint.bits;
  // Rounding must make the result neither negative nor greater than an entropy.
  result.bits = std::clamp(rows.bits + columns.bits - joint.bits, 0.0, std::min(rows.bits, columns.bits));
  const auto surplus = static_cast<double>(joint.occupied - rows.occupied - columns.occupied + 1);
  result.corrected_bits = result.bits - surplus / (2 * static_cast<double>(total) * std::numbers::ln2);
  result.normalized = share_of(2 * result.bits, rows.bits + columns.bits);
  result.share_of_row = share_of(result.bits, rows.bits);
  return result;
}

double mutual_information_bits(const Counts& counts) { return mutual_information(counts).bits; }

Counts count_pairs(const std::vector<int64_t>& row, int64_t rows, const std::vector<int64_t>& column, int64_t columns) {
  if (row.size() != column.size()) fail<ValueError>("pairs: {} rows and {} columns", row.size(), column.size());
  Counts counts(static_cast<size_t>(rows), std::vector<int64_t>(static_cast<size_t>(columns), 0));
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i] >= rows || column[i] >= columns) {
      fail<ValueError>("pairs: ({}, {}) is outside a table of {} x {}", row[i], column[i], rows, columns);
    }
    if (row[i] >= 0 && column[i] >= 0) ++counts[static_cast<size_t>(row[i])][static_cast<size_t>(column[i])];
  }
  return counts;
}

PermutationNull permutation_null(const std::vector<int64_t>& row, int64_t rows, const std::vector<int64_t>& column,
                                 int64_t columns, int64_t permutations, Generator& generator) {
  if (permutations < 1) fail<ValueError>("permutation null: {} permutations, expected one or more", permutations);
  const double observed = mutual_information_bits(count_pairs(row, rows, column, columns));
  std::vector<int64_t> kept_rows, kept_columns;
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i] < 0 || column[i] < 0) continue;
    kept_rows.push_back(row[i]);
    kept_columns.push_back(column[i]);
  }
  PermutationNull result;
  result.permutations = permutations;
  double sum = 0, squares = 0;
  int64_t reached = 0;
  std::vector<int64_t> shuffled(kept_rows.size());
  for (int64_t i = 0; i < permutations; ++i) {
    const Tensor order = generator.permutation(std::ssize(kept_rows));
    const auto from = order.values<int64_t>();
    for (size_t j = 0; j < shuffled.size(); ++j) shuffled[j] = kept_rows[static_cast<size_t>(from[j])];
    const double bits = mutual_information_bits(count_pairs(shuffled, rows, kept_columns, columns));
    // Sums relative to the first value lose no digits if all values are similar.
    if (i == 0) result.mean_bits = bits;
    sum += bits - result.mean_bits;
    squares += (bits - result.mean_bits) * (bits - result.mean_bits);
    reached += bits >= observed - 1e-12;  // the estimates of equal tables may differ by rounding
  }
  const auto n = static_cast<double>(permutations);
  if (permutations > 1) result.sd_bits = std::sqrt(std::max(0.0, (squares - sum * sum / n) / (n - 1)));
  result.mean_bits += sum / n;
  result.p_value = (1 + static_cast<double>(reached)) / (1 + n);
  return result;
}

}  // namespace divvy::moe
