#pragma once

#include <functional>
#include <string>

#include "moe/analysis/record.h"
#include "tensor/registry.h"

namespace divvy::moe {

/// A figure of a record by name. Reports and files of results have it wherever a record tells it.
struct Metric {
  std::string name;     ///< a column of results, with its unit: "sample_entropy_bits"; accuracies are shares in [0, 1]
  std::string summary;  ///< one line, as users see it listed
  std::function<bool(const Record&)> told;  ///< whether a record has the columns that it reads
  std::function<double(const Record&)> value;
  bool followed = false;  ///< from epoch to epoch
  bool counts = false;    ///< a whole number
};

/// All metrics, in the order of the columns; a program can add its own.
Registry<Metric>& metrics();

}  // namespace divvy::moe
