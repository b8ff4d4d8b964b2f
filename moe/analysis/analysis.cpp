#include "moe/analysis/analysis.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "moe/analysis/metrics.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

using namespace detail;

size_t index(int64_t i) { return static_cast<size_t>(i); }

double share(int64_t part, int64_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

/// The three means of a figure that the report of an expert has.
struct Means {
  std::optional<double> all, weighted, selected;
};

/// of_every(i) is the figure at index i of the [samples, experts] columns, called for dense records only;
/// of_selected(b) is that of the expert selected for sample b.
template <class Every, class Selected>
Means means(const Record& record, int64_t expert, const Every& of_every, const Selected& of_selected) {
  double all = 0, weighted = 0, weight = 0, selected = 0;
  int64_t count = 0;
  for (int64_t b = 0; b < record.size(); ++b) {
    if (record.is_dense()) {
      const double value = of_every(index(b * record.experts + expert));
      const double p = record.probabilities[index(b * record.experts + expert)];
      all += value;
      weighted += p * value;
      weight += p;
    }
    if (record.expert[index(b)] != expert) continue;
    selected += of_selected(index(b));
    ++count;
  }
  Means result;
  if (record.is_dense()) result.all = all / static_cast<double>(record.size());
  if (record.is_dense() && weight > 0) result.weighted = weighted / weight;
  if (count > 0) result.selected = selected / static_cast<double>(count);
  return result;
}

/// The mean over the samples of the minimum of the experts' figures.
double mean_of_least(const Record& record, const std::vector<float>& figures) {
  double total = 0;
  for (int64_t b = 0; b < record.size(); ++b) {
    const auto row = figures.begin() + b * record.experts;
    total += *std::min_element(row, row + record.experts);
  }
  return total / static_cast<double>(record.size());
}

double mean(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

bool some_expert_is_right(const Record& record, int64_t b) {
  const auto row = record.expert_predictions.begin() + b * record.experts;
  return std::find(row, row + record.experts, record.label[index(b)]) != row + record.experts;
}

/// The row with the greatest count in each column, the first of equal ones.
std::vector<int64_t> most_frequent(const Counts& counts) {
  std::vector<int64_t> best(counts.front().size(), 0);
  for (size_t c = 0; c < best.size(); ++c) {
    for (size_t r = 1; r < counts.size(); ++r) {
      if (counts[r][c] > counts[index(best[c])][c]) best[c] = static_cast<int64_t>(r);
    }
  }
  return best;
}

double accuracy_of_constants(const Record& record, const std::vector<int64_t>& said_by) {
  int64_t right = 0;
  for (int64_t b = 0; b < record.size(); ++b) {
    const int64_t expert = record.expert[index(b)];
    right += expert >= 0 && said_by[index(expert)] == record.label[index(b)];
  }
  return share(right, record.size());
}

/// The index of the list that contains each class.
std::vector<int64_t> lists_by_class(const std::vector<std::vector<int64_t>>& class_lists, int64_t classes) {
  std::vector<int64_t> list_of(index(classes), -1);
  for (size_t list = 0; list < class_lists.size(); ++list) {
    for (int64_t c : class_lists[list]) {
      if (c < 0 || c >= classes) fail<ValueError>("class lists: class {} is outside [0, {})", c, classes);
      if (list_of[index(c)] >= 0) fail<ValueError>("class lists: class {} is in two of them", c);
      list_of[index(c)] = static_cast<int64_t>(list);
    }
  }
  for (int64_t c = 0; c < classes; ++c) {
    if (list_of[index(c)] < 0) fail<ValueError>("class lists: class {} is in none of them", c);
  }
  return list_of;
}

}  // namespace

std::vector<ExpertReport> expert_reports(const Record& record) {
  require_samples(record, "expert reports");
  const auto n = static_cast<double>(record.size());
  const std::vector<int64_t> selected = selected_counts(record);
  const std::vector<double> average = mean_probabilities(record);
  std::vector<ExpertReport> reports(index(record.experts));
  for (int64_t e = 0; e < record.experts; ++e) {
    ExpertReport& report = reports[index(e)];
    report.selected = selected[index(e)];
    report.mean_probability = average[index(e)];
    report.expected_samples = report.mean_probability * n;
    for (int64_t b = 0; b < record.size(); ++b) {
      const double p = record.probabilities[index(b * record.experts + e)];
      report.probability_variance += (p - report.mean_probability) * (p - report.mean_probability) / n;
      report.mean_log_probability_nats += std::log(p + 1e-15) / n;
    }
    if (record.is_classification()) {
      const Means right = means(
          record, e,
          [&](size_t i) { return record.expert_predictions[i] == record.label[i / index(record.experts)] ? 1.0 : 0.0; },
          [&](size_t b) { return record.expert_prediction[b] == record.label[b] ? 1.0 : 0.0; });
      report.accuracy = right.all;
      report.weighted_accuracy = right.weighted;
      report.selected_accuracy = right.selected;
      const Means loss = means(
          record, e, [&](size_t i) -> double { return record.expert_losses[i]; },
          [&](size_t b) -> double { return record.expert_loss[b]; });
      report.loss_nats = loss.all;
      report.weighted_loss_nats = loss.weighted;
      report.selected_loss_nats = loss.selected;
    } else {
      const Means error = means(
          record, e, [&](size_t i) -> double { return record.expert_squared_errors[i]; },
          [&](size_t b) -> double { return record.expert_squared_error[b]; });
      report.mean_squared_error = error.all;
      report.weighted_squared_error = error.weighted;
      report.selected_squared_error = error.selected;
    }
  }
  return reports;
}

ErrorSplit split_errors(const Record& record) {
  require_classification(record, "split of errors");
  require_dense(record, "split of errors");
  ErrorSplit split{.samples = record.size()};
  for (int64_t b = 0; b < record.size(); ++b) {
    if (record.prediction[index(b)] == record.label[index(b)]) continue;
    ++(some_expert_is_right(record, b) ? split.gate_errors : split.expert_errors);
  }
  return split;
}

ErrorSplit split_errors(const Record& record, const std::vector<std::vector<int64_t>>& class_lists) {
  require_classification(record, "split of errors by class lists");
  const std::vector<int64_t> list_of = lists_by_class(class_lists, record.classes);
  ErrorSplit split{.samples = record.size()};
  for (int64_t b = 0; b < record.size(); ++b) {
    const int64_t predicted = record.prediction[index(b)], label = record.label[index(b)];
    if (predicted == label) continue;
    ++(list_of[index(predicted)] == list_of[index(label)] ? split.expert_errors : split.gate_errors);
  }
  return split;
}

OracleReport oracle(const Record& record) {
  require_classification(record, "oracle routing");
  require_dense(record, "oracle routing");
  int64_t some_right = 0, best_right = 0;
  for (int64_t b = 0; b < record.size(); ++b) {
    some_right += some_expert_is_right(record, b);
    const auto losses = record.expert_losses.begin() + b * record.experts;
    const auto best = std::min_element(losses, losses + record.experts) - record.expert_losses.begin();
    best_right += record.expert_predictions[index(best)] == record.label[index(b)];
  }
  OracleReport report;
  report.oracle_accuracy = share(some_right, record.size());
  report.best_expert_accuracy = share(best_right, record.size());
  report.best_expert_loss_nats = mean_of_least(record, record.expert_losses);
  report.regret_nats = mean_loss_nats(record) - report.best_expert_loss_nats;
  report.selection_regret_nats = mean(record.expert_loss) - report.best_expert_loss_nats;
  return report;
}

OracleRegressionReport oracle_regression(const Record& record) {
  require_regression(record, "oracle routing of a regression");
  require_dense(record, "oracle routing of a regression");
  OracleRegressionReport report;
  report.best_expert_squared_error = mean_of_least(record, record.expert_squared_errors);
  report.regret_squared_error = mean_squared_error(record) - report.best_expert_squared_error;
  report.selection_regret_squared_error = mean(record.expert_squared_error) - report.best_expert_squared_error;
  return report;
}

BestExpert best_single_expert(const Record& record) {
  require_dense(record, "best single expert");
  const auto reports = expert_reports(record);
  BestExpert best;
  for (int64_t e = 0; e < record.experts; ++e) {
    const ExpertReport& report = reports[index(e)];
    const double score = record.is_regression() ? *report.mean_squared_error : *report.accuracy;
    if (e == 0 || (record.is_regression() ? score < best.score : score > best.score)) best = {e, score};
  }
  return best;
}

double constant_expert_accuracy(const Record& record) {
  require_classification(record, "accuracy of constant experts");
  return accuracy_of_constants(record, most_frequent(prediction_expert_table(record)));
}

double gate_only_accuracy(const Record& record) {
  require_classification(record, "accuracy of the gate alone");
  return accuracy_of_constants(record, most_frequent(class_expert_table(record)));
}

double average_gate_loss_nats(const Record& record) {
  require_classification(record, "loss of the average gate");
  require_dense(record, "loss of the average gate");
  const std::vector<double> average = mean_probabilities(record);
  double total = 0;
  for (int64_t b = 0; b < record.size(); ++b) {
    double p = 0;
    for (int64_t e = 0; e < record.experts; ++e) {
      p += average[index(e)] * std::exp(-static_cast<double>(record.expert_losses[index(b * record.experts + e)]));
    }
    total -= std::log(p + 1e-15);
  }
  return total / static_cast<double>(record.size());
}

}  // namespace divvy::moe
