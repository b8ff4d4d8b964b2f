#pragma once

#include <cstdint>
#include <vector>

#include "datasets/dataset.h"
#include "tensor/generator.h"

/// Functions that make new datasets from others. The result has the name and the normalization of the first argument.
namespace divvy::data {

/// The samples of all parts, one part after the other. Throws ValueError if there are no parts, and DataError if parts
/// differ in the shape or type of their samples, in the number of classes, or in whether they have labels and targets.
Dataset concat(const std::vector<Dataset>& parts);

/// The samples of the given classes, in their order; classes[i] becomes class i. Throws ValueError for a class that
/// does not exist or is given twice, and if there are no labels.
Dataset keep_classes(const Dataset& dataset, const std::vector<int64_t>& classes);

/// The samples of `a`, then those of `b` with its classes numbered after a's: for example digits beside clothes. Class
/// names are kept if both have them. Throws DataError if samples differ in shape or type, or if there are no labels.
Dataset join_classes(const Dataset& a, const Dataset& b);

/// counts[c] random samples of each class c, in random order. Throws ValueError unless there is one count for each
/// class, between 0 and the number of its samples.
Dataset take_per_class(const Dataset& dataset, const std::vector<int64_t>& counts, Generator& generator);

/// A long tail: class c keeps a random fraction tail^(c / (classes - 1)) of its samples, rounded, so class 0 keeps all
/// and the last class the fraction `tail`. Throws ValueError unless 0 < tail <= 1.
Dataset imbalanced(const Dataset& dataset, double tail, Generator& generator);

}  // namespace divvy::data
