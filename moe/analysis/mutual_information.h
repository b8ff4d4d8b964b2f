#pragma once

#include <cstdint>
#include <vector>

#include "tensor/generator.h"

/// Entropies and mutual information of counted pairs, with what it takes to judge an estimate.
namespace divvy::moe {

/// A table of counts, counts[row][column]; all rows have the same number of columns.
using Counts = std::vector<std::vector<int64_t>>;

/// -sum_i q_i log2 q_i with q = weights / sum of weights, and 0 log 0 = 0; 0 where all weights are 0. Throws ValueError
/// for a weight that is negative, NaN or infinite.
double entropy_bits(const std::vector<double>& weights);

/// Estimates of I(row; column) from a table of counts with the total N.
struct MutualInformation {
  /// Plug-in estimate, H_row + H_column - H_joint of the observed shares. It is too high by about (cells - rows -
  /// columns + 1) / (2 N ln 2).
  double bits = 0;
  /// The plug-in estimate less that bias: each entropy has (m - 1) / (2 N) nats added, with m its number of non-empty
  /// classes (Miller 1955, "Note on the bias of information estimates"). It can fall below 0.
  double corrected_bits = 0;
  /// 2 I / (H_row + H_column), in [0, 1]: 1 where rows and columns determine each other; 0 where both entropies are 0.
  double normalized = 0;
  /// I / H_row, in [0, 1]: how much of the row variable the column variable tells; 0 where H_row is 0.
  double share_of_row = 0;
  double row_entropy_bits = 0, column_entropy_bits = 0, joint_entropy_bits = 0;
};

/// Throws ValueError for a table that has no counts, negative ones, or rows of unlike length.
MutualInformation mutual_information(const Counts& counts);

/// The plug-in estimate alone.
double mutual_information_bits(const Counts& counts);

/// counts[row[i]][column[i]]; pairs with a negative entry are left out. Throws ValueError for columns of unlike length
/// or an entry that is not below its size.
Counts count_pairs(const std::vector<int64_t>& row, int64_t rows, const std::vector<int64_t>& column, int64_t columns);

/// The plug-in estimate where rows and columns are paired at random, so where the true mutual information is 0.
struct PermutationNull {
  double mean_bits = 0;
  double sd_bits = 0;  ///< unbiased; 0 for one permutation
  /// (1 + permutations that reach the observed value) / (1 + permutations): the chance of a value as high without a
  /// relation (Phipson and Smyth 2010, "Permutation p-values should never be zero").
  double p_value = 1;
  int64_t permutations = 0;
};

/// Permutes `row` against `column`; pairs with a negative entry are left out first. Takes the blocks of the generator
/// that `permutations` calls of Generator::permutation() take. Throws ValueError for fewer than one permutation, and as
/// count_pairs() and mutual_information().
PermutationNull permutation_null(const std::vector<int64_t>& row, int64_t rows, const std::vector<int64_t>& column,
                                 int64_t columns, int64_t permutations, Generator& generator);

}  // namespace divvy::moe
