#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "moe/model/model.h"

namespace divvy::moe {

/// What metrics and analysis read of a run: for each sample, where it went and what came out. Computed alike for all
/// models.
///
/// A record is of classification or of regression, as its first samples are. The columns of the other kind stay empty,
/// and so do those of every expert where not every expert was evaluated for every sample.
struct Record {
  int64_t experts = 0;
  int64_t classes = 0;               ///< of the labels; for a regression one more than the greatest label so far
  std::vector<int64_t> label;        ///< empty for a regression without classes
  std::vector<int64_t> expert;       ///< the expert with the greatest weight; -1 where no expert took the sample, or
                                     ///< all of them did and none was preferred (a product of experts)
  std::vector<float> probabilities;  ///< [samples, experts], the gate's
  int64_t evaluated_rows = 0;        ///< pairs of a sample and an expert that were evaluated for it

  // Classification. A loss is -ln(p + 1e-15) in nats, with p the probability of the label.
  std::vector<int64_t> prediction;          ///< arg-max class of the model's output, the first of equals
  std::vector<int64_t> label_rank;          ///< how many classes come before the label: more probable, or equal and
                                            ///< with a smaller index. 0: the prediction is right
  std::vector<float> loss;                  ///< of the model's output
  std::vector<int64_t> expert_prediction;   ///< arg-max class of the own output of `expert`; -1 where there is none
  std::vector<float> expert_loss;           ///< of the own output of `expert`; 0 where there is none
  std::vector<int32_t> expert_predictions;  ///< [samples, experts], dense evaluation only
  std::vector<float> expert_losses;         ///< [samples, experts], dense evaluation only

  // Regression. A squared error is the mean over the D coordinates of (output - target)^2.
  std::vector<float> squared_error;          ///< of the model's output
  std::vector<float> expert_squared_error;   ///< of the own output of `expert`; 0 where there is none
  std::vector<float> expert_squared_errors;  ///< [samples, experts], dense evaluation only

  int64_t size() const { return static_cast<int64_t>(expert.size()); }
  /// Whether some sample went to one expert rather than to others.
  bool is_divided() const;
  bool has_labels() const { return !label.empty(); }
  bool is_classification() const { return !prediction.empty(); }
  bool is_regression() const { return !squared_error.empty(); }
  /// Whether the outcome of every expert is known for every sample.
  bool is_dense() const { return !expert_losses.empty() || !expert_squared_errors.empty(); }

  /// Adds a batch of a classification with its labels i64 [B]. The output and the rows hold probabilities.
  ///
  /// Throws ShapeError where sizes disagree among themselves or with the samples so far, ValueError for a label out of
  /// range, a negative probability of a label, samples of a regression so far, or dense samples after others and the
  /// other way round; NonFiniteError for an output that is NaN. The record is then as it was.
  void append(const Forward& forward, const Tensor& labels);
  /// Adds a batch of a regression with its target f32 or f64 [B, D]; `labels` i64 [B] may be undefined. Throws as
  /// above.
  void append(const Forward& forward, const Tensor& labels, const Tensor& target);
};

/// Writes and reads a record as .safetensors. Throws CheckpointError for a file that is damaged or is no record.
void save_record(const std::string& path, const Record& record);
Record load_record(const std::string& path);

}  // namespace divvy::moe
