#pragma once

#include <cstdint>
#include <vector>

#include "datasets/dataset.h"
#include "tensor/generator.h"

/// New datasets out of others. Each keeps the name and the normalization of the first one it is given.
namespace divvy::data {

/// The samples of all parts, one part after the other. Throws ValueError where there is no part, and DataError where
/// parts differ in the shape or type of their samples, in the number of classes, or in whether they have labels and
/// targets.
Dataset concat(const std::vector<Dataset>& parts);

/// The samples of the given classes, in their order; classes[i] becomes class i. Throws ValueError for a class that is
/// not there or given twice, and where there are no labels.
Dataset keep_classes(const Dataset& dataset, const std::vector<int64_t>& classes);

/// The samples of `a`, then those of `b` with its classes counted on from a's: for example digits beside clothes. Class
/// names are kept where both have them. Throws DataError where samples differ in shape or type, or where there are no
/// labels.
Dataset join_classes(const Dataset& a, const Dataset& b);

/// counts[c] random samples of each class c, in random order. Throws ValueError unless there is one count for each
/// class, between 0 and the number of its samples.
Dataset take_per_class(const Dataset& dataset, const std::vector<int64_t>& counts, Generator& generator);

/// A long tail: class c keeps a share of tail^(c / (classes - 1)) of its samples, rounded, chosen at random; so class 0
/// keeps all and the last class `tail` of them. Throws ValueError unless 0 < tail <= 1.
Dataset imbalanced(const Dataset& dataset, double tail, Generator& generator);

}  // namespace divvy::data
