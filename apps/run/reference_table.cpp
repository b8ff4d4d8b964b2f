#include "apps/run/reference_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "apps/run/results.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace divvy::app {

namespace {

double checked(double value, const char* name) {
  if (!(value >= 0) || std::isinf(value)) fail<ValueError>("published name: {} is {}", name, value);
  return value;
}

/// One decimal if the value is at least 1, else the form of Python's str().
std::string value_text(double value) {
  if (value >= 1) return fmt::format("{:.1f}", value);
  const std::string digits = fmt::format("{}", value);  // the shortest that reads back exactly, like Python's
  return digits.find_first_of(".e") == std::string::npos ? digits + ".0" : digits;
}

}  // namespace

std::string reference_name(const ReferenceSettings& settings) {
  std::string name = settings.model;
  if (checked(settings.importance, "importance") > 0) name += fmt::format("_importance_{:.1f}", settings.importance);
  if (checked(settings.temperature, "temperature") != 1) name += fmt::format("_temp_{:.1f}", settings.temperature);
  const auto part = [&](const char* title, double value) {
    if (checked(value, title) > 0) name += fmt::format("_{}_{}", title, value_text(value));
  };
  part("t_decay", settings.temperature_decay);
  part("no_gate_T", settings.no_gate_temperature);
  part("sample_sim_same", settings.similarity_same);
  part("sample_sim_diff", settings.similarity_different);
  return name;
}

std::string reference_csv(const std::vector<ReferenceRow>& rows, bool usage_in_nats) {
  std::vector<ResultRow> objects;
  const bool top_5 = std::ranges::any_of(rows, [](const ReferenceRow& row) { return row.top_5_error.has_value(); });
  const auto set = [](ResultRow& object, const char* name, std::optional<double> value, double scale = 1) {
    object[name] = value ? ResultRow(*value * scale) : ResultRow(nullptr);
  };
  for (const ReferenceRow& row : rows) {
    ResultRow& object = objects.emplace_back();
    object["model"] = row.model;
    object["train error"] = row.train_error;
    object["val error"] = row.val_error;
    object["test error"] = row.test_error;
    if (top_5) set(object, "top 5 error", row.top_5_error);
    set(object, "mutual information", row.mutual_information);
    set(object, "sample entropy", row.sample_entropy);
    set(object, "experts usage", row.expert_usage, usage_in_nats ? std::numbers::ln2 : 1);
    set(object, "per task entropy", row.per_task_entropy);
  }
  return results_csv(objects);
}

void write_reference_csv(const std::string& path, const std::vector<ReferenceRow>& rows, bool usage_in_nats) {
  atomic_write(path, FileKind::checkpoint, reference_csv(rows, usage_in_nats));
}

}  // namespace divvy::app
