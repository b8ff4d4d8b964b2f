#pragma once

#include <cstdint>
#include <vector>

#include "moe/analysis/mutual_information.h"
#include "moe/analysis/record.h"

/// Metrics of a model's predictions and of how its gate distributes the samples. Names include units: bits are log2,
/// nats are ln; accuracies and errors are shares in [0, 1]. 0 log 0 counts as 0, so a gate of zeros and ones gives no
/// NaN.
///
/// Every function throws ValueError for a record without samples, and for one that lacks the columns that it needs:
/// those of a classification, of a regression, of labels or of dense evaluation (see Record).
///
/// In the formulas N is the number of samples, M that of experts, p_b the vector of the gate's probabilities for sample
/// b, and pbar its mean over the samples.
namespace divvy::moe {

/// The share of samples whose prediction is the label.
double accuracy(const Record& record);

/// 1 - accuracy.
double error_rate(const Record& record);

/// The share of samples whose label is not among the k most probable classes; k = 1 is the error rate, k = 5 the "top-5
/// error". Throws ValueError for k < 1.
double top_k_error(const Record& record, int64_t k);

/// The mean of -ln(p_label + 1e-15) of the model's output.
double mean_loss_nats(const Record& record);

/// The mean over samples and coordinates of (output - target)^2, for a regression.
double mean_squared_error(const Record& record);

/// H_s = 1/N sum_b H(p_b): 0 if the gate is certain, at most log2 M.
double sample_entropy_bits(const Record& record);

/// H_u = H(pbar): log2 M if all experts are used equally, 0 if only one is used.
double usage_entropy_bits(const Record& record);

/// The same for the selected experts: H(n / sum n) with n_i the number of samples for which expert i was selected. Use
/// it for hard gates, whose probabilities do not tell how the samples were routed.
double selection_entropy_bits(const Record& record);

/// The mean of H(a_c) over the classes that occur, with a_c the mean of p_b over the samples of class c: 0 if each
/// class is given to one expert only.
double per_task_entropy_bits(const Record& record);

/// The same with a_c the shares of the selected experts among those samples of class c that were given to an expert.
double per_task_selection_entropy_bits(const Record& record);

/// The mean over the samples of KL(p_b || pbar) = sum_i p_bi ln(p_bi / pbar_i). It is the plug-in estimate of I(sample;
/// expert), and equals H_u - H_s.
double gate_divergence_nats(const Record& record);

/// The coefficient of variation of the importance, std(I) / mean(I) with I_i = sum_b p_bi and the unbiased standard
/// deviation (Shazeer et al. 2017, "Outrageously large neural networks"); 0 for one expert.
double importance_cv(const Record& record);

/// pbar: the mean gate probability of each expert.
std::vector<double> mean_probabilities(const Record& record);

/// The number of samples for which each expert was selected; samples without an expert are not counted.
std::vector<int64_t> selected_counts(const Record& record);

/// The number of experts that were selected for at least the fraction `share` of the samples, and for at least one.
int64_t experts_used(const Record& record, double share = 0.001);

/// counts[label][expert]: the number of samples of a class for which this expert was selected.
Counts class_expert_table(const Record& record);

/// counts[prediction][expert]: the number of samples for which the selected expert predicted this class (the "EY table"
/// of a run).
Counts prediction_expert_table(const Record& record);

/// mass[label][expert]: the sum of the gate's probabilities for an expert over the samples of a class.
std::vector<std::vector<double>> class_expert_mass(const Record& record);

/// counts[label][prediction].
Counts confusion_matrix(const Record& record);

struct ClassReport {
  double precision = 0, recall = 0, f1 = 0;  ///< 0 if the denominator is 0
  int64_t support = 0;                       ///< number of samples with this label
};
std::vector<ClassReport> class_reports(const Counts& confusion);

/// I(selected expert; label), and I(selected expert; class that the selected expert predicts). Some studies report the
/// second as the mutual information of experts and classes: it is high if experts predict consistently, whether right
/// or wrong.
MutualInformation label_information(const Record& record);
MutualInformation prediction_information(const Record& record);
double mutual_information_label_bits(const Record& record);
double mutual_information_prediction_bits(const Record& record);

/// The distribution of I(selected expert; label) if labels and experts are independent; see permutation_null().
PermutationNull label_information_null(const Record& record, int64_t permutations, Generator& generator);

namespace detail {

/// The checks of the metrics: each throws ValueError that names the metric.
void require_samples(const Record& record, const char* metric);
void require_classification(const Record& record, const char* metric);
void require_regression(const Record& record, const char* metric);
void require_labels(const Record& record, const char* metric);
void require_dense(const Record& record, const char* metric);

}  // namespace detail

}  // namespace divvy::moe
