#include "moe/metrics.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace divvy::moe {

namespace {

void require_samples(const Record& record, const char* metric) {
  if (record.size() == 0) fail<ValueError>("{}: the record has no samples", metric);
}

/// -p log2 p, with its limit 0 at 0.
double entropy_term(double p) { return p > 0 ? -p * std::log2(p) : 0; }

Counts table(int64_t rows, int64_t cols, const std::vector<int64_t>& row, const std::vector<int64_t>& col) {
  Counts counts(static_cast<size_t>(rows), std::vector<int64_t>(static_cast<size_t>(cols), 0));
  for (size_t i = 0; i < row.size(); ++i) ++counts[static_cast<size_t>(row[i])][static_cast<size_t>(col[i])];
  return counts;
}

double ratio(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double accuracy(const Record& record) {
  require_samples(record, "accuracy");
  int64_t right = 0;
  for (size_t i = 0; i < record.label.size(); ++i) right += record.label[i] == record.prediction[i];
  return ratio(right, record.size());
}

double sample_entropy_bits(const Record& record) {
  require_samples(record, "sample entropy");
  double total = 0;
  for (float p : record.probabilities) total += entropy_term(p);
  return total / static_cast<double>(record.size());
}

double usage_entropy_bits(const Record& record) {
  require_samples(record, "usage entropy");
  std::vector<double> mean(static_cast<size_t>(record.experts), 0.0);
  for (size_t i = 0; i < record.probabilities.size(); ++i) mean[i % mean.size()] += record.probabilities[i];
  double entropy = 0;
  for (double mass : mean) entropy += entropy_term(mass / static_cast<double>(record.size()));
  return entropy;
}

double mutual_information_bits(const Counts& counts) {
  int64_t total = 0;
  std::vector<int64_t> row_sums, col_sums(counts.empty() ? 0 : counts.front().size(), 0);
  for (const auto& row : counts) {
    int64_t sum = 0;
    for (size_t c = 0; c < row.size(); ++c) sum += row[c], col_sums[c] += row[c];
    row_sums.push_back(sum);
    total += sum;
  }
  if (total == 0) fail<ValueError>("mutual information: the table has no counts");
  double joint = 0, marginals = 0;
  for (const auto& row : counts) {
    for (int64_t count : row) joint += entropy_term(ratio(count, total));
  }
  for (int64_t sum : row_sums) marginals += entropy_term(ratio(sum, total));
  for (int64_t sum : col_sums) marginals += entropy_term(ratio(sum, total));
  return std::max(0.0, marginals - joint);  // rounding must not make independence negative
}

double mutual_information_label_bits(const Record& record) {
  return mutual_information_bits(class_expert_table(record));
}

double mutual_information_prediction_bits(const Record& record) {
  return mutual_information_bits(table(record.classes, record.experts, record.expert_prediction, record.expert));
}

Counts class_expert_table(const Record& record) {
  return table(record.classes, record.experts, record.label, record.expert);
}

Counts confusion_matrix(const Record& record) {
  return table(record.classes, record.classes, record.label, record.prediction);
}

int64_t experts_used(const Record& record, double share) {
  require_samples(record, "experts used");
  std::vector<int64_t> selected(static_cast<size_t>(record.experts), 0);
  for (int64_t e : record.expert) ++selected[static_cast<size_t>(e)];
  return std::ranges::count_if(selected, [&](int64_t n) {
    return n > 0 && static_cast<double>(n) >= share * static_cast<double>(record.size());
  });
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

}  // namespace divvy::moe
