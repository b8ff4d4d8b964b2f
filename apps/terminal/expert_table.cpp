#include "apps/terminal/expert_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "tensor/text.h"

namespace divvy::app {

namespace {

using moe::ExpertReport;

struct Figure {
  const char* title;
  std::optional<double> ExpertReport::*value;
  double scale;
  int digits;
};

constexpr Figure kFigures[] = {{"right, own %", &ExpertReport::selected_accuracy, 100, 2},
                               {"by weight %", &ExpertReport::weighted_accuracy, 100, 2},
                               {"all %", &ExpertReport::accuracy, 100, 2},
                               {"loss, own nats", &ExpertReport::selected_loss_nats, 1, 3},
                               {"by weight nats", &ExpertReport::weighted_loss_nats, 1, 3},
                               {"all nats", &ExpertReport::loss_nats, 1, 3},
                               {"squared error, own", &ExpertReport::selected_squared_error, 1, 5},
                               {"by weight", &ExpertReport::weighted_squared_error, 1, 5},
                               {"all", &ExpertReport::mean_squared_error, 1, 5}};

}  // namespace

std::string expert_text(const std::vector<ExpertReport>& reports) {
  std::vector<Figure> shown;
  for (const Figure& figure : kFigures) {
    if (std::ranges::any_of(reports, [&](const ExpertReport& report) { return (report.*figure.value).has_value(); })) {
      shown.push_back(figure);
    }
  }
  std::vector<std::string> header = {"expert", "samples", "mean gate %"};
  for (const Figure& figure : shown) header.emplace_back(figure.title);
  std::vector<std::vector<std::string>> rows;
  for (size_t e = 0; e < reports.size(); ++e) {
    auto& row = rows.emplace_back();
    row = {fmt::format("{}", e), grouped(reports[e].selected),
           fmt::format("{:.2f}", 100 * reports[e].mean_probability)};
    for (const Figure& figure : shown) {
      const auto& value = reports[e].*figure.value;
      row.push_back(value ? fmt::format("{:.{}f}", *value * figure.scale, figure.digits) : "-");
    }
  }
  return text_table(header, rows);
}

nlohmann::ordered_json expert_json(const std::vector<ExpertReport>& reports) {
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  for (const ExpertReport& report : reports) {
    auto& row = array.emplace_back(nlohmann::ordered_json::object());
    row["selected_samples"] = report.selected;
    row["expected_samples"] = report.expected_samples;
    row["mean_probability"] = report.mean_probability;
    row["probability_variance"] = report.probability_variance;
    row["mean_log_probability_nats"] = report.mean_log_probability_nats;
    const auto add = [&](const char* key, const std::optional<double>& value) {
      if (value) row[key] = *value;
    };
    add("accuracy", report.accuracy);
    add("weighted_accuracy", report.weighted_accuracy);
    add("selected_accuracy", report.selected_accuracy);
    add("loss_nats", report.loss_nats);
    add("weighted_loss_nats", report.weighted_loss_nats);
    add("selected_loss_nats", report.selected_loss_nats);
    add("mean_squared_error", report.mean_squared_error);
    add("weighted_squared_error", report.weighted_squared_error);
    add("selected_squared_error", report.selected_squared_error);
  }
  return array;
}

}  // namespace divvy::app
