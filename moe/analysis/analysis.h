#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "moe/analysis/record.h"

/// Attribution of a mixture's successes and errors: each expert by itself, the gate compared with an oracle, and how
/// much of the task the gate solves alone. Accuracies and errors are shares in [0, 1]. Every function throws ValueError
/// for a record without samples or without the columns that it needs (see moe/analysis/metrics.h).
namespace divvy::moe {

/// Figures of one expert, over all samples and over those that the gate gave it. A figure is absent if it belongs to
/// the other kind of task, is over all samples and the record is not dense, or is over no samples.
///
/// In the formulas b runs over the N samples, p_b is the gate's probability of this expert, right_b is 1 if the
/// expert's own prediction is the label, else 0, and l_b is its own loss, -ln(p_label + 1e-15).
struct ExpertReport {
  int64_t selected = 0;                  ///< number of samples for which the expert was selected
  double mean_probability = 0;           ///< 1/N sum_b p_b
  double probability_variance = 0;       ///< 1/N sum_b (p_b - mean)^2
  double mean_log_probability_nats = 0;  ///< 1/N sum_b ln(p_b + 1e-15)
  double expected_samples = 0;           ///< sum_b p_b

  std::optional<double> accuracy;           ///< 1/N sum_b right_b
  std::optional<double> weighted_accuracy;  ///< sum_b p_b right_b / sum_b p_b
  std::optional<double> selected_accuracy;  ///< mean of right_b over the samples it was selected for

  std::optional<double> loss_nats;           ///< 1/N sum_b l_b
  std::optional<double> weighted_loss_nats;  ///< sum_b p_b l_b / sum_b p_b
  std::optional<double> selected_loss_nats;  ///< mean of l_b over the samples it was selected for

  /// For a regression: the same with the squared error in place of l_b.
  std::optional<double> mean_squared_error, weighted_squared_error, selected_squared_error;
};
std::vector<ExpertReport> expert_reports(const Record& record);

/// Wrong predictions, divided by the part of the model that is responsible.
struct ErrorSplit {
  int64_t samples = 0;
  int64_t gate_errors = 0, expert_errors = 0;

  double gate_error() const { return static_cast<double>(gate_errors) / static_cast<double>(samples); }
  double expert_error() const { return static_cast<double>(expert_errors) / static_cast<double>(samples); }
};

/// Gate error: the prediction is wrong although some expert is right. Expert error: it is wrong and so is every expert.
/// The two add up to the error rate. Needs a dense record of a classification.
ErrorSplit split_errors(const Record& record);

/// The same without the outputs of the other experts, for experts that were assigned lists of classes (the superclasses
/// of CIFAR-100, pairs of digits): a wrong prediction within the list of the label is an expert error, any other a gate
/// error. Throws ValueError unless every class of the record is in exactly one list.
ErrorSplit split_errors(const Record& record, const std::vector<std::vector<int64_t>>& class_lists);

/// The results of perfect routing. Needs a dense record of a classification.
struct OracleReport {
  double oracle_accuracy = 0;        ///< share of samples for which some expert is right
  double best_expert_accuracy = 0;   ///< accuracy if each sample goes to the expert with the least loss for it
  double best_expert_loss_nats = 0;  ///< 1/N sum_b min_i l_bi
  double regret_nats = 0;            ///< mean loss of the output - best_expert_loss_nats; >= 0 for a mixture
  double selection_regret_nats = 0;  ///< mean loss of the selected experts' own outputs - best_expert_loss_nats
};
OracleReport oracle(const Record& record);

/// The same for a regression, in squared errors. Needs a dense record.
struct OracleRegressionReport {
  double best_expert_squared_error = 0;  ///< 1/N sum_b min_i of the experts' squared errors
  double regret_squared_error = 0;       ///< mean squared error - best_expert_squared_error; negative if the mean of
                                         ///< several experts is better than any of them
  double selection_regret_squared_error = 0;
};
OracleRegressionReport oracle_regression(const Record& record);

/// The expert that is best on all samples by itself, the first of equal ones: a baseline that a mixture must beat.
/// Needs a dense record. `score` is the accuracy, or the mean squared error of a regression.
struct BestExpert {
  int64_t expert = 0;
  double score = 0;
};
BestExpert best_single_expert(const Record& record);

/// The accuracy if each expert is replaced by a constant, the class that it predicted most often for the samples for
/// which it was selected (the smallest of equal ones). If it is near the accuracy of the model, the gate solves the
/// task alone and the experts contribute nothing. For a classification.
double constant_expert_accuracy(const Record& record);

/// The highest accuracy of constant experts with this gate: each predicts the most frequent label of its samples.
double gate_only_accuracy(const Record& record);

/// The mean loss in nats of a mixture whose gate gives every sample the mean probabilities: -ln(sum_i pbar_i q_bi +
/// 1e-15) with q_bi the probability that expert i gives the label. Its difference to the mean loss is the gain of
/// gating by sample. Needs a dense record of a classification.
double average_gate_loss_nats(const Record& record);

}  // namespace divvy::moe
