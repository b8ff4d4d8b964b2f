#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "moe/analysis/record.h"
#include "moe/analysis/statistics.h"

/// Results of runs as rows: one object for each run, whose keys are the columns. Keys include units; accuracies and
/// errors are in [0, 1].
namespace divvy::app {

using ResultRow = nlohmann::ordered_json;

/// Every metric that a record has the columns for, with `prefix` ("val_", "test_") before each key. Others are left
/// out: accuracies of a regression, oracle routing of a record that is not dense. Throws ValueError for a record
/// without samples.
ResultRow record_metrics(const moe::Record& record, const std::string& prefix = "");

/// Only the metrics that are reported after every epoch.
ResultRow epoch_metrics(const moe::Record& record, const std::string& prefix = "");

/// Rows as CSV (RFC 4180, line ends \n): the header has the keys of all rows in the order of their first occurrence; a
/// missing key is an empty cell. Numbers have enough digits to read back the same bits. Throws ValueError for a row
/// that is not a flat object.
std::string results_csv(const std::vector<ResultRow>& rows);

/// Writes rows as CSV, or as a JSON array with one row per line. The file is replaced atomically. Throws
/// CheckpointError.
void write_results_csv(const std::string& path, const std::vector<ResultRow>& rows);
void write_results_json(const std::string& path, const std::vector<ResultRow>& rows);

/// Rows for moe/analysis/statistics.h: `settings` are the keys by which runs are grouped (empty if missing); "seed" is
/// the seed; every other number is a metric. Throws ValueError for a row without a seed.
std::vector<moe::RunRow> run_rows(const std::vector<ResultRow>& rows, const std::vector<std::string>& settings);

/// "97.72 ± 0.01": mean and standard deviation over the seeds, times `scale`; the mean alone for one seed.
std::string mean_and_sd(const moe::Summary& summary, double scale = 1, int digits = 2);

/// A column of a table of groups: a metric, its title and the format of its numbers.
struct MetricColumn {
  std::string metric, title;
  double scale = 1;
  int digits = 2;
};

/// A table of groups of runs for a terminal: the settings of each group, the number of seeds, and mean ± standard
/// deviation of each metric ("-" if absent). Settings that are equal in all groups are left out.
std::string group_table(const std::vector<moe::RunGroup>& groups, const std::vector<MetricColumn>& columns);

}  // namespace divvy::app
