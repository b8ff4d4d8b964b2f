#pragma once

#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace divvy::data {

struct CsvOptions {
  std::string label = {};                ///< the column of the classes; empty: the last one
  std::vector<std::string> ignore = {};  ///< columns to leave out, such as a running number
  char separator = ',';
};

/// A table with a row of column names, as features and classes. A column of numbers is one feature; any other becomes
/// one feature (0 or 1) for each of its values, in alphabetical order. Classes are the values of the label column in
/// alphabetical order. Fields may be quoted ("" is a quote inside quotes; no line breaks); gzip is unpacked. Features
/// are not normalized; measure_normalization() of the training part does that.
///
/// Throws DataError with the path, the line and the column for rows of another length, empty fields, numbers that are
/// not finite, unknown or repeated column names, tables without rows, and files beyond 1 GiB.
Dataset load_csv(const std::string& path, const CsvOptions& options = {});

}  // namespace divvy::data
