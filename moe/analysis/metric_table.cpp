#include "moe/analysis/metric_table.h"

#include "moe/analysis/analysis.h"
#include "moe/analysis/metrics.h"

namespace divvy::moe {

namespace {

bool always(const Record&) { return true; }
bool classified(const Record& r) { return !r.is_regression(); }
bool regressed(const Record& r) { return r.is_regression(); }
bool divided(const Record& r) { return r.is_divided(); }
bool labeled(const Record& r) { return r.is_divided() && r.has_labels(); }
bool divided_classes(const Record& r) { return r.is_divided() && r.is_classification(); }
bool dense_classes(const Record& r) { return r.is_dense() && !r.is_regression(); }
bool dense_targets(const Record& r) { return r.is_dense() && r.is_regression(); }
bool judged_classes(const Record& r) { return dense_classes(r) && r.is_divided(); }
bool judged_targets(const Record& r) { return dense_targets(r) && r.is_divided(); }

Metric followed(Metric metric) {
  metric.followed = true;
  return metric;
}
Metric whole(Metric metric) {
  metric.counts = true;
  return metric;
}

std::vector<Metric> of_outcome() {
  return {
      whole({"samples", "how many there are", always, [](const Record& r) { return static_cast<double>(r.size()); }}),
      followed({"mean_squared_error", "of the output of a regression", regressed, mean_squared_error}),
      followed({"accuracy", "share of right predictions", classified, accuracy}),
      {"error", "1 - accuracy", classified, error_rate},
      {"top_5_error", "share of labels behind five other classes",
       [](const Record& r) { return classified(r) && r.classes > 5; },
       [](const Record& r) { return top_k_error(r, 5); }},
      followed({"loss_nats", "mean cross-entropy of the output", classified, mean_loss_nats}),
  };
}

std::vector<Metric> of_division() {
  return {
      {"rows_per_sample", "experts that were evaluated for a sample", always,
       [](const Record& r) {
         detail::require_samples(r, "rows_per_sample");
         return static_cast<double>(r.evaluated_rows) / static_cast<double>(r.size());
       }},
      followed({"mutual_information_label_bits", "I(expert; label)", labeled, mutual_information_label_bits}),
      {"mutual_information_label_corrected_bits", "the same less its bias (Miller 1955)", labeled,
       [](const Record& r) { return label_information(r).corrected_bits; }},
      {"mutual_information_label_normalized", "the same as a share of the mean entropy", labeled,
       [](const Record& r) { return label_information(r).normalized; }},
      followed({"mutual_information_prediction_bits", "I(expert; class that it predicts)", divided_classes,
                mutual_information_prediction_bits}),
      {"mutual_information_prediction_corrected_bits", "the same less its bias (Miller 1955)", divided_classes,
       [](const Record& r) { return prediction_information(r).corrected_bits; }},
      {"mutual_information_prediction_normalized", "the same as a share of the mean entropy", divided_classes,
       [](const Record& r) { return prediction_information(r).normalized; }},
      followed(
          {"sample_entropy_bits", "of the gate's probabilities, mean over the samples", divided, sample_entropy_bits}),
      followed({"usage_entropy_bits", "of the gate's mean probabilities", divided, usage_entropy_bits}),
      {"selection_entropy_bits", "of the selected experts", divided, selection_entropy_bits},
      {"per_task_entropy_bits", "of the gate's mean probabilities for a class", labeled, per_task_entropy_bits},
      {"per_task_selection_entropy_bits", "of the experts selected for a class", labeled,
       per_task_selection_entropy_bits},
      {"gate_divergence_nats", "of the gate's probabilities from their mean", divided, gate_divergence_nats},
      {"importance_cv", "coefficient of variation of the experts' shares", divided, importance_cv},
      followed(whole({"experts_used", "experts that were selected for a sample in a thousand", divided,
                      [](const Record& r) { return static_cast<double>(experts_used(r)); }})),
  };
}

std::vector<Metric> of_blame() {
  return {
      {"constant_expert_accuracy", "where each expert says one class alone", divided_classes, constant_expert_accuracy},
      {"gate_only_accuracy", "the best that constant experts could reach with this gate", divided_classes,
       gate_only_accuracy},
      {"best_single_expert_squared_error", "of the best expert alone", dense_targets,
       [](const Record& r) { return best_single_expert(r).score; }},
      {"oracle_squared_error", "of the best expert of each sample", dense_targets,
       [](const Record& r) { return oracle_regression(r).best_expert_squared_error; }},
      {"routing_regret_squared_error", "what perfect routing would save", judged_targets,
       [](const Record& r) { return oracle_regression(r).regret_squared_error; }},
      {"best_single_expert_accuracy", "of the best expert alone", dense_classes,
       [](const Record& r) { return best_single_expert(r).score; }},
      {"oracle_accuracy", "share of samples for which some expert is right", dense_classes,
       [](const Record& r) { return oracle(r).oracle_accuracy; }},
      {"oracle_loss_nats", "of the best expert of each sample", dense_classes,
       [](const Record& r) { return oracle(r).best_expert_loss_nats; }},
      {"routing_regret_nats", "what perfect routing would save", judged_classes,
       [](const Record& r) { return oracle(r).regret_nats; }},
      {"gate_error", "share of errors where another expert was right", judged_classes,
       [](const Record& r) { return split_errors(r).gate_error(); }},
      {"expert_error", "share of errors where no expert was right", judged_classes,
       [](const Record& r) { return split_errors(r).expert_error(); }},
      {"average_gate_loss_nats", "under a gate that ignores the sample", judged_classes, average_gate_loss_nats},
  };
}

}  // namespace

Registry<Metric>& metrics() {
  static Registry<Metric> all("metric", [] {
    std::vector<Metric> joined;
    for (const auto& part : {of_outcome(), of_division(), of_blame()}) {
      joined.insert(joined.end(), part.begin(), part.end());
    }
    return joined;
  }());
  return all;
}

}  // namespace divvy::moe
