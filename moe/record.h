#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "moe/model.h"

namespace divvy::moe {

/// What metrics and analysis read of a run: for each sample, where it went and what came out. Computed alike for all
/// models.
struct Record {
  int64_t experts = 0, classes = 0;
  std::vector<int64_t> label;
  std::vector<int64_t> prediction;         ///< arg-max class of the model's output
  std::vector<int64_t> expert;             ///< the expert with the greatest weight
  std::vector<int64_t> expert_prediction;  ///< arg-max class of that expert's own output
  std::vector<float> probabilities;        ///< [samples, experts], the gate's
  int64_t evaluated_rows = 0;              ///< pairs of a sample and an expert that were evaluated for it

  int64_t size() const { return static_cast<int64_t>(label.size()); }
  /// Adds a batch with its labels i64 [B].
  void append(const Forward& forward, const Tensor& labels);
};

/// Writes and reads a record as .safetensors. Throws CheckpointError for a file that is damaged or is no record.
void save_record(const std::string& path, const Record& record);
Record load_record(const std::string& path);

}  // namespace divvy::moe
