#include <fmt/core.h>

#include <algorithm>

#include "divvy.h"

using namespace divvy;

int main() {
  // A figure of a record, which reports and files of results then have in a column of its name.
  moe::metrics().add({.name = "greatest_share",
                      .summary = "share of the samples that the busiest expert takes",
                      .told = [](const moe::Record& record) { return record.is_divided(); },
                      .value =
                          [](const moe::Record& record) {
                            std::vector<double> load(static_cast<size_t>(record.experts));
                            for (const int64_t e : record.expert) ++load[static_cast<size_t>(e)];
                            return std::ranges::max(load) / static_cast<double>(record.size());
                          },
                      .followed = true});

  Generator random(7);
  const moe::ModelOptions options{.model = "top-k", .network = "hidden-2d", .experts = 4, .k = 1, .classes = 2};
  const auto model = moe::build_model(options, random);
  const data::Splits board = data::load("checker_board-1");
  const moe::Record record = moe::evaluate(*model, board.test, {.evaluation = moe::routing_of(options, false)});
  for (const moe::Metric& metric : moe::metrics()) {
    if (metric.told(record)) fmt::print("{:<40} {:.3f}\n", metric.name, metric.value(record));
  }
  const double share = moe::metrics().at("greatest_share").value(record);
  return share >= 0.25 && share <= 1 ? 0 : 1;
}
