#pragma once

#include <cstdint>
#include <vector>

#include "datasets/dataset.h"
#include "tensor/generator.h"

namespace divvy::data {

/// Whether each part gets its share of every class (to within one sample), or a plain random draw.
enum class Stratify : bool { no, yes };

/// How many of `size` samples each fraction stands for: rounded so that the counts sum to `size`, the largest
/// remainders up, the first part first. Throws ValueError unless the fractions are in [0, 1] and sum to 1.
std::vector<int64_t> counts_of(int64_t size, const std::vector<double>& fractions);

/// The indices (i64 [counts[i]]) of a random division of the dataset into parts: disjoint, together all samples, in
/// random order, and the same for the same state of the generator. Throws ValueError unless the counts sum to the
/// dataset's size; stratified splits need labels.
std::vector<Tensor> split_indices(const Dataset& dataset, const std::vector<int64_t>& counts, Generator& generator,
                                  Stratify stratify = Stratify::no);

/// The parts themselves, as copies. See split_indices().
std::vector<Dataset> split_counts(const Dataset& dataset, const std::vector<int64_t>& counts, Generator& generator,
                                  Stratify stratify = Stratify::no);
std::vector<Dataset> split_fractions(const Dataset& dataset, const std::vector<double>& fractions, Generator& generator,
                                     Stratify stratify = Stratify::no);

}  // namespace divvy::data
