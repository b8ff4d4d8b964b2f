#pragma once

#include <cstdint>
#include <vector>

#include "moe/analysis/mutual_information.h"
#include "moe/analysis/record.h"

/// How well a model predicts and how its gate spreads the samples. Units stand in the names: bits are log2, nats are
/// ln; accuracies and errors are shares in [0, 1]. 0 log 0 counts as 0 everywhere, so a gate of zeros and ones gives no
/// NaN.
///
/// Every function throws ValueError for a record without samples, and where it needs the columns of a classification,
/// of a regression, of labels or of dense evaluation (see Record) that the record does not have.
///
/// In the formulas N is the number of samples, M of experts, p_b the gate's probabilities for sample b, and pbar their
/// mean over the samples.
namespace divvy::moe {

/// Share of samples whose prediction is the label.
double accuracy(const Record& record);

/// 1 - accuracy.
double error_rate(const Record& record);

/// Share of samples with k or more classes before the label; k = 1 is the error, k = 5 the "top-5 error". Throws
/// ValueError for k < 1.
double top_k_error(const Record& record, int64_t k);

/// Mean of -ln(p_label + 1e-15) of the model's output.
double mean_loss_nats(const Record& record);

/// Mean over samples and coordinates of (output - target)^2, of a regression.
double mean_squared_error(const Record& record);

/// H_s = 1/N sum_b H(p_b): 0 where the gate is certain, log2 M at most.
double sample_entropy_bits(const Record& record);

/// H_u = H(pbar): log2 M where all experts are used alike, 0 where one does all.
double usage_entropy_bits(const Record& record);

/// The same of the selected experts: H(n / sum n) with n_i the number of samples that expert i was selected for. The
/// figure for hard gates, whose probabilities do not say what was done.
double selection_entropy_bits(const Record& record);

/// Mean over the classes that occur of H(a_c), with a_c the mean of p_b over the samples of class c: 0 where each class
/// lies wholly on one expert.
double per_task_entropy_bits(const Record& record);

/// The same with a_c the shares of the selected experts among the samples of class c that were given to an expert.
double per_task_selection_entropy_bits(const Record& record);

/// Mean over the samples of KL(p_b || pbar) = sum_i p_bi ln(p_bi / pbar_i). It is the plug-in estimate of I(sample;
/// expert), and equals H_u - H_s.
double gate_divergence_nats(const Record& record);

/// Coefficient of variation of the importance, std(I) / mean(I) with I_i = sum_b p_bi and the unbiased standard
/// deviation (Shazeer et al. 2017, "Outrageously large neural networks"); 0 for one expert.
double importance_cv(const Record& record);

/// pbar: the mean gate probability of each expert.
std::vector<double> mean_probabilities(const Record& record);

/// How many samples each expert was selected for; samples that no expert took are in none.
std::vector<int64_t> selected_counts(const Record& record);

/// Number of experts that were selected for at least `share` of the samples, and for one.
int64_t experts_used(const Record& record, double share = 0.001);

/// counts[label][expert]: how many samples of a class had this expert selected.
Counts class_expert_table(const Record& record);

/// counts[prediction][expert]: how many samples the selected expert put in this class (the "EY table" of a run).
Counts prediction_expert_table(const Record& record);

/// mass[label][expert]: the sum of the gate's probabilities for an expert over the samples of a class.
std::vector<std::vector<double>> class_expert_mass(const Record& record);

/// counts[label][prediction].
Counts confusion_matrix(const Record& record);

struct ClassReport {
  double precision = 0, recall = 0, f1 = 0;  ///< 0 where there is nothing to divide by
  int64_t support = 0;                       ///< samples with this label
};
std::vector<ClassReport> class_reports(const Counts& confusion);

/// I(selected expert; label), and I(selected expert; class that the selected expert predicts). The second is what some
/// studies print as mutual information of experts and classes: it is high wherever experts agree with themselves, right
/// or wrong.
MutualInformation label_information(const Record& record);
MutualInformation prediction_information(const Record& record);
double mutual_information_label_bits(const Record& record);
double mutual_information_prediction_bits(const Record& record);

/// What I(selected expert; label) is where the labels have nothing to do with the experts: see permutation_null().
PermutationNull label_information_null(const Record& record, int64_t permutations, Generator& generator);

namespace detail {

/// The checks of metrics: each throws ValueError that names the metric.
void require_samples(const Record& record, const char* metric);
void require_classification(const Record& record, const char* metric);
void require_regression(const Record& record, const char* metric);
void require_labels(const Record& record, const char* metric);
void require_dense(const Record& record, const char* metric);

}  // namespace detail

}  // namespace divvy::moe
