#pragma once

#include <functional>
#include <string>

#include "moe/analysis/record.h"
#include "tensor/registry.h"

namespace divvy::moe {

/// A named figure of a record. Reports and result files include it if the record has the columns that it needs.
struct Metric {
  std::string name;     ///< name of its column, with the unit: "sample_entropy_bits"; accuracies are shares in [0, 1]
  std::string summary;  ///< one line, as users see it listed
  std::function<bool(const Record&)> told;  ///< whether a record has the columns it reads
  std::function<double(const Record&)> value;
  bool followed = false;  ///< reported after every epoch
  bool counts = false;    ///< an integer
};

/// All metrics, in the order of the columns; a program can add its own.
Registry<Metric>& metrics();

}  // namespace divvy::moe
