#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "moe/analysis/record.h"
#include "moe/analysis/statistics.h"

/// What runs gave, as rows: one object a run, its keys the columns. Units stand in the keys; accuracies and errors are
/// shares in [0, 1].
namespace divvy::app {

using ResultRow = nlohmann::ordered_json;

/// Every metric that a record tells, with `prefix` ("val_", "test_") before each key. What a record does not tell is
/// left out: classes of a regression, oracle routing of a record that is not dense. Throws ValueError for a record
/// without samples.
ResultRow record_metrics(const moe::Record& record, const std::string& prefix = "");

/// Those that are followed from epoch to epoch.
ResultRow epoch_metrics(const moe::Record& record, const std::string& prefix = "");

/// Rows as CSV (RFC 4180, line ends \n): the header has the keys of all rows in the order of their first use; a row
/// without a key has an empty cell. Numbers have as many digits as it takes to read back the same bits. Throws
/// ValueError for a row that is not a flat object.
std::string results_csv(const std::vector<ResultRow>& rows);

/// Writes rows as CSV, or as a JSON array with one row a line. The file is replaced whole or not at all. Throws
/// CheckpointError.
void write_results_csv(const std::string& path, const std::vector<ResultRow>& rows);
void write_results_json(const std::string& path, const std::vector<ResultRow>& rows);

/// Rows for moe/analysis/statistics.h: `settings` names the keys by which runs are grouped (a row without one has it
/// empty); "seed" is the seed; every other number is a metric. Throws ValueError for a row without a seed.
std::vector<moe::RunRow> run_rows(const std::vector<ResultRow>& rows, const std::vector<std::string>& settings);

/// "97.72 ± 0.01": mean and standard deviation over the seeds, times `scale`; the mean alone for one seed.
std::string mean_and_sd(const moe::Summary& summary, double scale = 1, int digits = 2);

/// A column of a table of groups: a metric, what stands above it, and how its numbers are shown.
struct MetricColumn {
  std::string metric, title;
  double scale = 1;
  int digits = 2;
};

/// Groups of runs for a terminal: a row each with its settings, the number of seeds, and mean ± standard deviation of
/// each metric ("-" where it has none). Settings that are the same in all groups are left out.
std::string group_table(const std::vector<moe::RunGroup>& groups, const std::vector<MetricColumn>& columns);

}  // namespace divvy::app
