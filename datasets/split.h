#pragma once

#include <cstdint>
#include <vector>

#include "datasets/dataset.h"
#include "tensor/generator.h"

namespace divvy::data {

/// Whether each part gets its share of every class (to within one sample) or is a plain random sample.
enum class Stratify : bool { no, yes };

/// The number of samples of each fraction of `size`, rounded so that they sum to `size`: the largest remainders are
/// rounded up, the first of equal ones. Throws ValueError unless the fractions are in [0, 1] and sum to 1.
std::vector<int64_t> counts_of(int64_t size, const std::vector<double>& fractions);

/// The indices (i64 [counts[i]]) of a random division of the dataset into disjoint parts that cover all samples, in
/// random order. The same state of the generator gives the same division. Throws ValueError unless the counts sum to
/// the dataset's size; stratified splits need labels.
std::vector<Tensor> split_indices(const Dataset& dataset, const std::vector<int64_t>& counts, Generator& generator,
                                  Stratify stratify = Stratify::no);

/// The parts themselves, as copies. See split_indices().
std::vector<Dataset> split_counts(const Dataset& dataset, const std::vector<int64_t>& counts, Generator& generator,
                                  Stratify stratify = Stratify::no);
std::vector<Dataset> split_fractions(const Dataset& dataset, const std::vector<double>& fractions, Generator& generator,
                                     Stratify stratify = Stratify::no);

}  // namespace divvy::data
