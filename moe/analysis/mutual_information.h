#pragma once

#include <cstdint>
#include <vector>

#include "tensor/generator.h"

/// Entropies and mutual information of contingency tables, with bias correction and a permutation test.
namespace divvy::moe {

/// A table of counts, counts[row][column]; all rows have the same number of columns.
using Counts = std::vector<std::vector<int64_t>>;

/// -sum_i q_i log2 q_i with q = weights / sum of weights, and 0 log 0 = 0; It is 0 if all weights are 0. Throws
/// ValueError for a weight that is negative, NaN or infinite.
double entropy_bits(const std::vector<double>& weights);

/// Estimates of I(row; column) from a table of N counts.
struct MutualInformation {
  /// The plug-in estimate H_row + H_column - H_joint of the observed shares. Its bias is about (cells - rows - columns
  /// + 1) / (2 N ln 2).
  double bits = 0;
  /// The plug-in estimate minus that bias: (m - 1) / (2 N) nats are added to each entropy, with m its number of
  /// non-empty cells (Miller 1955, "Note on the bias of information estimates"). It can be negative.
  double corrected_bits = 0;
  /// 2 I / (H_row + H_column), in [0, 1]: 1 if rows and columns determine each other; 0 if both entropies are 0.
  double normalized = 0;
  /// I / H_row, in [0, 1]: the share of the row variable's entropy that the column variable explains; 0 if H_row is 0.
  double share_of_row = 0;
  double row_entropy_bits = 0, column_entropy_bits = 0, joint_entropy_bits = 0;
};

/// Throws ValueError for a table without counts, with negative ones, or with rows of different lengths.
MutualInformation mutual_information(const Counts& counts);

/// The plug-in estimate alone.
double mutual_information_bits(const Counts& counts);

/// counts[row[i]][column[i]]; pairs with a negative entry are left out. Throws ValueError if `row` and `column` differ
/// in length, and for an entry out of range.
Counts count_pairs(const std::vector<int64_t>& row, int64_t rows, const std::vector<int64_t>& column, int64_t columns);

/// The distribution of the plug-in estimate for randomly paired rows and columns, whose true mutual information is 0.
struct PermutationNull {
  double mean_bits = 0;
  double sd_bits = 0;  ///< unbiased; 0 for one permutation
  /// (1 + permutations that reach the observed value) / (1 + permutations): the probability of so high a value under
  /// independence (Phipson and Smyth 2010, "Permutation p-values should never be zero").
  double p_value = 1;
  int64_t permutations = 0;
};

/// Permutes `row` against `column`; pairs with a negative entry are left out first. Takes as many blocks of the
/// generator as `permutations` calls of Generator::permutation(). Throws ValueError for fewer than one permutation, and
/// as count_pairs() and mutual_information() do.
PermutationNull permutation_null(const std::vector<int64_t>& row, int64_t rows, const std::vector<int64_t>& column,
                                 int64_t columns, int64_t permutations, Generator& generator);

}  // namespace divvy::moe
