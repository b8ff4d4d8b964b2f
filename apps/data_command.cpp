#include <cstdio>

#include "apps/commands.h"
#include "apps/exit_code.h"
#include "apps/terminal.h"
#include "datasets/catalog.h"

namespace divvy::app {

int data_command(const DataConfig& config) {
  size_t widest = 0, widest_sample = 0;
  for (const data::CatalogEntry& entry : data::catalog()) {
    widest = std::max(widest, entry.name.size());
    widest_sample = std::max(widest_sample, entry.sample.size());
  }
  fmt::print("data folder: {}\n\n", config.data_dir.empty() ? "none (--data-dir or DIVVY_DATA)" : config.data_dir);
  std::vector<std::string> missing;
  for (const data::CatalogEntry& entry : data::catalog()) {
    const data::DataStatus status = data::status(entry, config.data_dir);
    const int64_t samples = entry.sizes.train + entry.sizes.validation + entry.sizes.test;
    fmt::print("{:<{}}  {:<{}}  {:>7}  {:<24}  {}\n", entry.name, widest, entry.sample, widest_sample,
               samples > 0 ? grouped(samples) : "", status.text, entry.description);
    for (const data::FileStatus& file : status.files) {
      if (file.path.empty()) missing.push_back(file.name);
    }
  }
  if (!missing.empty()) {
    fmt::print("\nmissing below the data folder:\n");
    for (const std::string& name : missing) fmt::print("  {}\n", name);
  }
  return kDone;
}

}  // namespace divvy::app
