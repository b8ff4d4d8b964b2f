#include "moe/analysis/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tensor/error.h"

namespace divvy::moe {

namespace detail {

void require_samples(const Record& record, const char* metric) {
  if (record.size() == 0) fail<ValueError>("{}: the record has no samples", metric);
}

void require_classification(const Record& record, const char* metric) {
  require_samples(record, metric);
  if (!record.is_classification()) fail<ValueError>("{}: the record is of a regression", metric);
}

void require_regression(const Record& record, const char* metric) {
  require_samples(record, metric);
  if (!record.is_regression()) fail<ValueError>("{}: the record is of a classification", metric);
}

void require_labels(const Record& record, const char* metric) {
  require_samples(record, metric);
  if (!record.has_labels()) fail<ValueError>("{}: the record has no labels", metric);
}

void require_dense(const Record& record, const char* metric) {
  require_samples(record, metric);
  if (!record.is_dense()) {
    fail<ValueError>("{}: the record lacks the outcomes of experts that were not selected; evaluate every expert",
                     metric);
  }
}

}  // namespace detail

namespace {

using namespace detail;

/// -p log2 p, and 0 for p = 0.
double entropy_term(double p) { return p > 0 ? -p * std::log2(p) : 0; }

double ratio(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

double mean(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> doubles(const std::vector<int64_t>& counts) { return {counts.begin(), counts.end()}; }

/// The mean entropy of those distributions whose sum is not 0.
double mean_entropy_bits(const std::vector<std::vector<double>>& distributions) {
  double total = 0;
  int64_t occupied = 0;
  for (const auto& weights : distributions) {
    if (std::ranges::all_of(weights, [](double weight) { return weight == 0; })) continue;
    total += entropy_bits(weights);
    ++occupied;
  }
  return occupied == 0 ? 0 : total / static_cast<double>(occupied);
}

}  // namespace

double accuracy(const Record& record) {
  require_classification(record, "accuracy");
  int64_t right = 0;
  for (size_t i = 0; i < record.label.size(); ++i) right += record.label[i] == record.prediction[i];
  return ratio(right, record.size());
}

double error_rate(const Record& record) { return 1 - accuracy(record); }

double top_k_error(const Record& record, int64_t k) {
  require_classification(record, "top-k error");
  if (k < 1) fail<ValueError>("top-k error: k is {}, expected one or more", k);
  return ratio(std::ranges::count_if(record.label_rank, [k](int64_t rank) { return rank >= k; }), record.size());
}

double mean_loss_nats(const Record& record) {
  require_classification(record, "mean loss");
  return mean(record.loss);
}

double mean_squared_error(const Record& record) {
  require_regression(record, "mean squared error");
  return mean(record.squared_error);
}

double sample_entropy_bits(const Record& record) {
  require_samples(record, "sample entropy");
  double total = 0;
  for (float p : record.probabilities) total += entropy_term(p);
  return total / static_cast<double>(record.size());
}

double usage_entropy_bits(const Record& record) {
  double entropy = 0;
  for (double p : mean_probabilities(record)) entropy += entropy_term(p);
  return entropy;
}

double selection_entropy_bits(const Record& record) { return entropy_bits(doubles(selected_counts(record))); }

double per_task_entropy_bits(const Record& record) { return mean_entropy_bits(class_expert_mass(record)); }

double per_task_selection_entropy_bits(const Record& record) {
  std::vector<std::vector<double>> shares;
  for (const auto& counts : class_expert_table(record)) shares.push_back(doubles(counts));
  return mean_entropy_bits(shares);
}

double gate_divergence_nats(const Record& record) {
  const std::vector<double> average = mean_probabilities(record);
  double total = 0;
  for (size_t i = 0; i < record.probabilities.size(); ++i) {
    const double p = record.probabilities[i];
    if (p > 0) total += p * std::log(p / average[i % average.size()]);  // then the average is above 0, too
  }
  return std::max(0.0, total / static_cast<double>(record.size()));
}

double importance_cv(const Record& record) {
  const std::vector<double> average = mean_probabilities(record);
  if (average.size() == 1) return 0;
  const auto experts = static_cast<double>(average.size());
  const double center = std::accumulate(average.begin(), average.end(), 0.0) / experts;
  double squares = 0;
  for (double p : average) squares += (p - center) * (p - center);
  return center > 0 ? std::sqrt(squares / (experts - 1)) / center : 0;
}

std::vector<double> mean_probabilities(const Record& record) {
  require_samples(record, "gate probabilities");
  std::vector<double> average(static_cast<size_t>(record.experts), 0.0);
  for (size_t i = 0; i < record.probabilities.size(); ++i) average[i % average.size()] += record.probabilities[i];
  for (double& p : average) p /= static_cast<double>(record.size());
  return average;
}

std::vector<int64_t> selected_counts(const Record& record) {
  require_samples(record, "selected experts");
  std::vector<int64_t> counts(static_cast<size_t>(record.experts), 0);
  for (int64_t e : record.expert) {
    if (e >= 0) ++counts[static_cast<size_t>(e)];
  }
  return counts;
}

int64_t experts_used(const Record& record, double share) {
  return std::ranges::count_if(selected_counts(record), [&](int64_t n) {
    return n > 0 && static_cast<double>(n) >= share * static_cast<double>(record.size());
  });
}

Counts class_expert_table(const Record& record) {
  require_labels(record, "class x expert table");
  return count_pairs(record.label, record.classes, record.expert, record.experts);
}

Counts prediction_expert_table(const Record& record) {
  require_classification(record, "prediction x expert table");
  return count_pairs(record.expert_prediction, record.classes, record.expert, record.experts);
}

std::vector<std::vector<double>> class_expert_mass(const Record& record) {
  require_labels(record, "class x expert mass");
  const auto experts = static_cast<size_t>(record.experts);
  std::vector<std::vector<double>> mass(static_cast<size_t>(record.classes), std::vector<double>(experts, 0.0));
  for (size_t i = 0; i < record.probabilities.size(); ++i) {
    mass[static_cast<size_t>(record.label[i / experts])][i % experts] += record.probabilities[i];
  }
  return mass;
}

Counts confusion_matrix(const Record& record) {
  require_classification(record, "confusion matrix");
  return count_pairs(record.label, record.classes, record.prediction, record.classes);
}

std::vector<ClassReport> class_reports(const Counts& confusion) {
  std::vector<ClassReport> reports(confusion.size());
  for (size_t c = 0; c < confusion.size(); ++c) {
    int64_t predicted = 0;
    for (size_t i = 0; i < confusion.size(); ++i) {
      reports[c].support += confusion[c][i];
      predicted += confusion[i][c];
    }
    ClassReport& report = reports[c];
    report.precision = ratio(confusion[c][c], predicted);
    report.recall = ratio(confusion[c][c], report.support);
    const double sum = report.precision + report.recall;
    report.f1 = sum > 0 ? 2 * report.precision * report.recall / sum : 0;
  }
  return reports;
}

MutualInformation label_information(const Record& record) { return mutual_information(class_expert_table(record)); }

MutualInformation prediction_information(const Record& record) {
  return mutual_information(prediction_expert_table(record));
}

double mutual_information_label_bits(const Record& record) { return label_information(record).bits; }

double mutual_information_prediction_bits(const Record& record) { return prediction_information(record).bits; }

PermutationNull label_information_null(const Record& record, int64_t permutations, Generator& generator) {
  require_labels(record, "permutation null");
  return permutation_null(record.label, record.classes, record.expert, record.experts, permutations, generator);
}

}  // namespace divvy::moe
