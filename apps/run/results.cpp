#include "apps/run/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "moe/analysis/metric_table.h"
#include "moe/analysis/metrics.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

/// The metrics for which `wanted` is true and the record has the columns.
template <class Wanted>
ResultRow metrics_of(const moe::Record& record, const std::string& prefix, Wanted wanted) {
  ResultRow row = ResultRow::object();
  for (const moe::Metric& metric : moe::metrics()) {
    if (!wanted(metric) || !metric.told(record)) continue;
    const double value = metric.value(record);
    if (metric.counts) {
      row[prefix + metric.name] = static_cast<int64_t>(value);
    } else {
      row[prefix + metric.name] = value;
    }
  }
  return row;
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
  return metrics_of(record, prefix, [](const moe::Metric&) { return true; });
}

ResultRow epoch_metrics(const moe::Record& record, const std::string& prefix) {
  return metrics_of(record, prefix, [](const moe::Metric& metric) { return metric.followed; });
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
  std::vector<std::string> cells;
  std::ranges::transform(keys, std::back_inserter(cells), csv_cell);
  std::string text = fmt::format("{}\n", fmt::join(cells, ","));
  for (const ResultRow& row : rows) {
    cells.clear();
    for (const std::string& key : keys) {
      const auto found = row.find(key);
      cells.push_back(found == row.end() ? "" : csv_cell(plain_text(*found)));
    }
    text += fmt::format("{}\n", fmt::join(cells, ","));
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
