#pragma once

#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace divvy::data {

struct CsvOptions {
  std::string label = {};                ///< the name of the label column; empty: the last column
  std::vector<std::string> ignore = {};  ///< columns to leave out, such as an ID
  char separator = ',';
};

/// Reads a table whose first row has the column names as features and labels. A numeric column is one feature; any
/// other is one-hot encoded, with its values in alphabetical order. Classes are the values of the label column in
/// alphabetical order. Fields may be quoted ("" stands for a quote inside quotes; no line breaks); gzip is
/// decompressed. Features are not normalized; use measure_normalization() on the training part.
///
/// Throws DataError with the path, the line and the column for rows with another number of fields, empty fields,
/// numbers that are not finite, unknown or repeated column names, tables without rows, and files beyond 1 GiB.
Dataset load_csv(const std::string& path, const CsvOptions& options = {});

}  // namespace divvy::data
