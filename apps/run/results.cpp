#include "apps/run/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "moe/analysis/analysis.h"
#include "moe/analysis/metrics.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

void add_information(ResultRow& row, const std::string& name, const moe::MutualInformation& information) {
  row[name + "_bits"] = information.bits;
  row[name + "_corrected_bits"] = information.corrected_bits;
  row[name + "_normalized"] = information.normalized;
}

void add_outcome(ResultRow& row, const std::string& prefix, const moe::Record& record) {
  row[prefix + "samples"] = record.size();
  if (record.is_regression()) {
    row[prefix + "mean_squared_error"] = moe::mean_squared_error(record);
    return;
  }
  row[prefix + "accuracy"] = moe::accuracy(record);
  row[prefix + "error"] = moe::error_rate(record);
  if (record.classes > 5) row[prefix + "top_5_error"] = moe::top_k_error(record, 5);
  row[prefix + "loss_nats"] = moe::mean_loss_nats(record);
}

void add_division(ResultRow& row, const std::string& prefix, const moe::Record& record) {
  row[prefix + "rows_per_sample"] = static_cast<double>(record.evaluated_rows) / static_cast<double>(record.size());
  if (!record.is_divided()) return;
  if (record.has_labels()) {
    add_information(row, prefix + "mutual_information_label", moe::label_information(record));
  }
  if (record.is_classification()) {
    add_information(row, prefix + "mutual_information_prediction", moe::prediction_information(record));
  }
  row[prefix + "sample_entropy_bits"] = moe::sample_entropy_bits(record);
  row[prefix + "usage_entropy_bits"] = moe::usage_entropy_bits(record);
  row[prefix + "selection_entropy_bits"] = moe::selection_entropy_bits(record);
  if (record.has_labels()) {
    row[prefix + "per_task_entropy_bits"] = moe::per_task_entropy_bits(record);
    row[prefix + "per_task_selection_entropy_bits"] = moe::per_task_selection_entropy_bits(record);
  }
  row[prefix + "gate_divergence_nats"] = moe::gate_divergence_nats(record);
  row[prefix + "importance_cv"] = moe::importance_cv(record);
  row[prefix + "experts_used"] = moe::experts_used(record);
}

void add_blame(ResultRow& row, const std::string& prefix, const moe::Record& record) {
  const bool divided = record.is_divided();
  if (record.is_classification() && divided) {
    row[prefix + "constant_expert_accuracy"] = moe::constant_expert_accuracy(record);
    row[prefix + "gate_only_accuracy"] = moe::gate_only_accuracy(record);
  }
  if (!record.is_dense()) return;
  const double best = moe::best_single_expert(record).score;
  if (record.is_regression()) {
    const auto oracle = moe::oracle_regression(record);
    row[prefix + "best_single_expert_squared_error"] = best;
    row[prefix + "oracle_squared_error"] = oracle.best_expert_squared_error;
    if (divided) row[prefix + "routing_regret_squared_error"] = oracle.regret_squared_error;
    return;
  }
  const auto oracle = moe::oracle(record);
  row[prefix + "best_single_expert_accuracy"] = best;
  row[prefix + "oracle_accuracy"] = oracle.oracle_accuracy;
  row[prefix + "oracle_loss_nats"] = oracle.best_expert_loss_nats;
  if (!divided) return;
  const auto split = moe::split_errors(record);
  row[prefix + "routing_regret_nats"] = oracle.regret_nats;
  row[prefix + "gate_error"] = split.gate_error();
  row[prefix + "expert_error"] = split.expert_error();
  row[prefix + "average_gate_loss_nats"] = moe::average_gate_loss_nats(record);
}

void require_flat(const ResultRow& row) {
  if (!row.is_object()) fail<ValueError>("results: a row is {}, expected an object", row.type_name());
  for (const auto& [key, value] : row.items()) {
    if (value.is_structured()) fail<ValueError>("results: '{}' is {}, expected one value", key, value.type_name());
  }
}

std::string plain_text(const ResultRow& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  return value.dump();
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

ResultRow record_metrics(const moe::Record& record, const std::string& prefix) {
  moe::detail::require_samples(record, "metrics of a record");
  ResultRow row = ResultRow::object();
  add_outcome(row, prefix, record);
  add_division(row, prefix, record);
  add_blame(row, prefix, record);
  return row;
}

std::string results_csv(const std::vector<ResultRow>& rows) {
  std::vector<std::string> keys;
  std::set<std::string> known;
  for (const ResultRow& row : rows) {
    require_flat(row);
    for (const auto& [key, value] : row.items()) {
      if (known.insert(key).second) keys.push_back(key);
    }
  }
  std::string text;
  for (size_t k = 0; k < keys.size(); ++k) text += (k == 0 ? "" : ",") + csv_cell(keys[k]);
  text += "\n";
  for (const ResultRow& row : rows) {
    for (size_t k = 0; k < keys.size(); ++k) {
      const auto found = row.find(keys[k]);
      text += (k == 0 ? "" : ",") + (found == row.end() ? "" : csv_cell(plain_text(*found)));
    }
    text += "\n";
  }
  return text;
}

void write_results_csv(const std::string& path, const std::vector<ResultRow>& rows) {
  atomic_write(path, FileKind::checkpoint, results_csv(rows));
}

void write_results_json(const std::string& path, const std::vector<ResultRow>& rows) {
  std::string text;
  for (const ResultRow& row : rows) {
    require_flat(row);
    text += (text.empty() ? "" : ",\n") + row.dump();
  }
  atomic_write(path, FileKind::checkpoint, "[\n" + text + "\n]\n");
}

std::vector<moe::RunRow> run_rows(const std::vector<ResultRow>& rows, const std::vector<std::string>& settings) {
  std::vector<moe::RunRow> result;
  for (const ResultRow& row : rows) {
    require_flat(row);
    if (!row.contains("seed") || !row["seed"].is_number_integer()) {
      fail<ValueError>("results: a row has no seed");
    }
    moe::RunRow& run = result.emplace_back();
    run.seed = row["seed"].get<int64_t>();
    for (const std::string& key : settings) {
      const auto found = row.find(key);
      run.settings[key] = found == row.end() ? "" : plain_text(*found);
    }
    for (const auto& [key, value] : row.items()) {
      if (value.is_number() && key != "seed" && !run.settings.contains(key)) run.metrics[key] = value.get<double>();
    }
  }
  return result;
}

std::string mean_and_sd(const moe::Summary& summary, double scale, int digits) {
  if (!summary.sd) return fmt::format("{:.{}f}", summary.mean * scale, digits);
  return fmt::format("{:.{}f} ± {:.{}f}", summary.mean * scale, digits, *summary.sd * scale, digits);
}

std::string group_table(const std::vector<moe::RunGroup>& groups, const std::vector<MetricColumn>& columns) {
  std::vector<std::string> settings;
  for (const moe::RunGroup& group : groups) {
    for (const auto& [key, value] : group.settings) {
      const auto& first = groups.front().settings;
      const bool differs = !first.contains(key) || first.at(key) != value;
      if (differs && std::ranges::find(settings, key) == settings.end()) settings.push_back(key);
    }
  }
  std::vector<std::string> header = settings;
  header.emplace_back("seeds");
  for (const MetricColumn& column : columns) header.push_back(column.title);
  std::vector<std::vector<std::string>> rows;
  for (const moe::RunGroup& group : groups) {
    auto& row = rows.emplace_back();
    for (const std::string& key : settings) row.push_back(group.settings.contains(key) ? group.settings.at(key) : "");
    row.push_back(fmt::format("{}", group.rows.size()));
    for (const MetricColumn& column : columns) {
      const auto found = group.metrics.find(column.metric);
      row.push_back(found == group.metrics.end() ? "-" : mean_and_sd(found->second, column.scale, column.digits));
    }
  }
  return text_table(header, rows);
}

}  // namespace divvy::app
