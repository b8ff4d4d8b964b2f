#pragma once

#include <cstdint>
#include <vector>

#include "moe/record.h"

/// How well a model predicts and how cleanly its experts divide the task. Units stand in the names: bits are log2.
namespace divvy::moe {

/// A table of counts, counts[row][column].
using Counts = std::vector<std::vector<int64_t>>;

/// Share of samples whose prediction is the label. Throws ValueError for an empty record, as all metrics do.
double accuracy(const Record& record);

/// Mean over the samples of the entropy of the gate's probabilities: 0 where the gate is certain, log2(experts) at
/// most.
double sample_entropy_bits(const Record& record);

/// Entropy of the mean gate probabilities: log2(experts) where all experts are used alike, 0 where one does all.
double usage_entropy_bits(const Record& record);

/// Plug-in estimate of I(row; column) from a table of counts.
double mutual_information_bits(const Counts& counts);

/// I(selected expert; label), and I(selected expert; class that the selected expert predicts).
double mutual_information_label_bits(const Record& record);
double mutual_information_prediction_bits(const Record& record);

/// counts[label][expert]: how many samples of a class had this expert selected.
Counts class_expert_table(const Record& record);

/// counts[label][prediction].
Counts confusion_matrix(const Record& record);

/// Number of experts that were selected for at least `share` of the samples.
int64_t experts_used(const Record& record, double share = 0.001);

struct ClassReport {
  double precision = 0, recall = 0, f1 = 0;  ///< 0 where there is nothing to divide by
  int64_t support = 0;                       ///< samples with this label
};
std::vector<ClassReport> class_reports(const Counts& confusion);

}  // namespace divvy::moe
