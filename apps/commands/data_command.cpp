#include <algorithm>
#include <cstdio>
#include <set>

#include "apps/commands/commands.h"
#include "apps/exit_code.h"
#include "apps/run/run_support.h"
#include "apps/terminal/output.h"
#include "datasets/catalog.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

void list_sets(const std::string& data_dir) {
  print_output("data folder: {}\n\n", data_dir.empty() ? "none (--data-dir or DIVVY_DATA)" : data_dir);
  std::set<std::string> missing;  // sets may share files
  std::vector<std::vector<std::string>> rows;
  for (const data::CatalogEntry& entry : data::catalog()) {
    const data::DataStatus status = data::status(entry, data_dir);
    const int64_t samples = entry.sizes.train + entry.sizes.validation + entry.sizes.test;
    rows.push_back({entry.name, entry.sample, samples > 0 ? grouped(samples) : "", status.text, entry.description});
    for (const data::FileStatus& file : status.files) {
      if (file.path.empty()) missing.insert(file.name);
    }
  }
  write_output(text_table({}, rows));
  if (missing.empty()) return;
  print_output("\nmissing below the data folder, plain or as .gz:\n");
  for (const std::string& name : missing) print_output("  {}\n", name);
}

void check_set(const std::string& name, const std::string& data_dir) {
  const data::Splits splits = load_data(name, data_dir, 42);
  print_output("{}: read and checked, samples {}\n", name, splits.train.sample_shape());
  std::vector<std::vector<std::string>> rows;
  for (const auto& [part, set] :
       {std::pair{"train", &splits.train}, {"validation", &splits.validation}, {"test", &splits.test}}) {
    auto& row = rows.emplace_back(std::vector<std::string>{part, grouped(set->size()), "samples"});
    if (set->classes > 0) {
      const auto counts = set->class_counts();
      const auto [least, most] = std::ranges::minmax(counts);
      row.back() += fmt::format(", {} classes of {} to {}", set->classes, grouped(least), grouped(most));
    }
  }
  write_output(text_table({}, rows, {.indent = "  "}));
}

}  // namespace

int data_command(const DataConfig& config) {
  if (config.names.empty()) list_sets(config.data_dir);
  for (const std::string& name : config.names) check_set(name, config.data_dir);
  return kDone;
}

}  // namespace divvy::app
