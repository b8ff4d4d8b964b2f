#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "moe/model/model.h"

namespace divvy::moe {

/// The input of metrics and analysis: for each sample, its routing and its results. It is computed in the same way for
/// all models.
///
/// The first samples determine whether a record is of a classification or of a regression. The columns of the other
/// kind stay empty, and so do those for every expert unless all experts were evaluated for all samples.
struct Record {
  int64_t experts = 0;
  int64_t classes = 0;               ///< number of classes; for a regression, one more than the greatest label so far
  std::vector<int64_t> label;        ///< empty for a regression without classes
  std::vector<int64_t> expert;       ///< the expert with the greatest weight; -1 if no expert took the sample, or if
                                     ///< all did and none was preferred (a product of experts)
  std::vector<float> probabilities;  ///< [samples, experts], the gate's
  int64_t evaluated_rows = 0;        ///< number of evaluated pairs of sample and expert

  // Columns of a classification. A loss is -ln(p + 1e-15) in nats, with p the probability of the label.
  std::vector<int64_t> prediction;          ///< arg-max class of the model's output, the first of equal ones
  std::vector<int64_t> label_rank;          ///< number of classes before the label: more probable, or equally probable
                                            ///< and with a smaller index; 0 if the prediction is right
  std::vector<float> loss;                  ///< of the model's output
  std::vector<int64_t> expert_prediction;   ///< arg-max class of the own output of `expert`; -1 if there is none
  std::vector<float> expert_loss;           ///< of the own output of `expert`; 0 if there is none
  std::vector<int32_t> expert_predictions;  ///< [samples, experts], dense evaluation only
  std::vector<float> expert_losses;         ///< [samples, experts], dense evaluation only

  // Columns of a regression. A squared error is the mean over the D coordinates of (output - target)^2.
  std::vector<float> squared_error;          ///< of the model's output
  std::vector<float> expert_squared_error;   ///< of the own output of `expert`; 0 if there is none
  std::vector<float> expert_squared_errors;  ///< [samples, experts], dense evaluation only

  int64_t size() const { return static_cast<int64_t>(expert.size()); }
  /// Whether an expert was selected for any sample, so that there is a division to report.
  bool is_divided() const;
  bool has_labels() const { return !label.empty(); }
  bool is_classification() const { return !prediction.empty(); }
  bool is_regression() const { return !squared_error.empty(); }
  /// Whether the result of every expert is known for every sample.
  bool is_dense() const { return !expert_losses.empty() || !expert_squared_errors.empty(); }

  /// Appends a batch of a classification with its labels i64 [B]. The output and the rows must be probabilities.
  ///
  /// Throws ShapeError if sizes contradict each other or the previous samples; ValueError for a label out of range, a
  /// negative probability of a label, if previous samples are of a regression, or if only some of the samples are
  /// dense; NonFiniteError for a NaN or an infinity among the outputs, of whatever class, or the gate's
  /// probabilities. The record is then unchanged.
  void append(const Forward& forward, const Tensor& labels);
  /// Appends a batch of a regression with its target f32 or f64 [B, D]; `labels` i64 [B] may be undefined. Throws as
  /// above.
  void append(const Forward& forward, const Tensor& labels, const Tensor& target);
};

/// Writes and reads a record as .safetensors. Throws CheckpointError for a file that is damaged or is not a record.
void save_record(const std::string& path, const Record& record);
Record load_record(const std::string& path);

}  // namespace divvy::moe
