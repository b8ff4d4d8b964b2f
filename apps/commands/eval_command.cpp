#include <cstdio>
#include <filesystem>

#include "apps/commands/commands.h"
#include "apps/exit_code.h"
#include "apps/run/run_model.h"
#include "apps/run/run_support.h"
#include "apps/run/threads.h"
#include "apps/run/training_plan.h"
#include "apps/terminal/expert_table.h"
#include "apps/terminal/output.h"
#include "apps/terminal/terminal.h"
#include "moe/analysis/agreement.h"
#include "moe/analysis/metrics.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

constexpr int64_t kListedExperts = 32;

std::string class_report_text(const moe::Record& record, const data::Dataset& dataset) {
  std::vector<std::vector<std::string>> rows;
  for (const moe::ClassReport& report : moe::class_reports(moe::confusion_matrix(record))) {
    rows.push_back({dataset.class_name(static_cast<int64_t>(rows.size())), fmt::format("{:.4f}", report.precision),
                    fmt::format("{:.4f}", report.recall), fmt::format("{:.3f}", report.f1),
                    fmt::format("{}", report.support)});
  }
  return text_table({"class", "precision", "recall", "f1", "samples"}, rows, {.rule = false});
}

std::string confusion_text(const moe::Record& record, const data::Dataset& dataset) {
  std::vector<std::string> header{""};
  std::vector<std::vector<std::string>> rows;
  for (const auto& counts : moe::confusion_matrix(record)) {
    const std::string name = dataset.class_name(static_cast<int64_t>(rows.size()));
    header.push_back(name.substr(0, 6));
    auto& row = rows.emplace_back(std::vector{name});
    for (int64_t count : counts) row.push_back(count == 0 ? "·" : fmt::format("{}", count));
  }
  return "confusion: rows are labels, columns predictions\n" + text_table(header, rows, {.rule = false});
}

/// How similarly this run and another divide the samples, up to a permutation of experts.
std::string agreement_text(const moe::Record& record, const std::string& other) {
  const moe::Record theirs = moe::load_record((std::filesystem::path(other) / "routing.safetensors").string());
  const moe::RoutingAgreement agreement = moe::routing_agreement(record, theirs);
  std::vector<std::vector<std::string>> rows;
  for (int64_t partner : agreement.partners) {
    rows.push_back({fmt::format("{}", rows.size()), partner < 0 ? "-" : fmt::format("{}", partner)});
  }
  return fmt::format(
      "agreement with {}: adjusted Rand index {:.3f}, normalized information {:.3f},\n"
      "{} of {} samples went to partners\n\n{}",
      other, agreement.adjusted_rand_index, agreement.normalized_information, percent(agreement.matched_share),
      grouped(record.size()), text_table({"expert", "its partner there"}, rows, {.rule = false}));
}

std::string cost_text(const Evaluation& evaluation, const Cost& cost) {
  const moe::Record& record = evaluation.routed;
  const auto samples = static_cast<double>(record.size());
  return fmt::format(
      "evaluated {:.2f} experts a sample in {:.2f} µs, {} FLOP a sample ({} with every expert), {:.0f} samples/s\n",
      static_cast<double>(record.evaluated_rows) / samples, 1e6 * evaluation.routed_seconds / samples,
      grouped(cost.routed), grouped(cost.dense), samples / evaluation.routed_seconds);
}

}  // namespace

int eval_command(const EvalConfig& config) {
  use_threads(config.threads);
  require_hardware(config.device, config.precision);
  TrainConfig settings = run_settings(config.run);
  if (!config.data_dir.empty()) settings.data_dir = config.data_dir;
  const data::Splits data = planned_data(settings);
  const RunModel run = load_run_model(config.run, config.checkpoint, settings, data.train);
  moe::TrainerOptions how{
      .batch = config.batch, .seed = settings.seed, .evaluation = planned_evaluation(run.config, run.options)};
  run.config.quirks.apply(how);
  if (config.temperature > 0) {
    if (run.options.gate_normalizer == moe::Normalizer::escort) {
      throw UsageError("--temperature: the gate of this run has escort probabilities, which know none");
    }
    how.evaluation.temperature = config.temperature;
  }
  run.model->to(config.device);
  run.model->set_precision(config.precision);
  const Evaluation evaluation = evaluate_both(*run.model, data.test, how);
  const moe::Record& record = evaluation.routed;
  print_output("{}\n", evaluation_text(evaluation, data.test, "test", use_color(stdout)));
  if (record.experts > 1 && record.experts <= kListedExperts) {
    print_output("{}\n", expert_text(moe::expert_reports(evaluation.analyzed())));
  }
  if (!config.compare.empty()) print_output("{}\n", agreement_text(record, config.compare));
  if (record.is_classification()) {
    if (record.classes <= 20) print_output("{}\n", confusion_text(record, data.test));
    print_output("{}\n", class_report_text(record, data.test));
  }
  write_output(cost_text(evaluation, flops_per_sample(*run.model, how.evaluation, data.test)));
  return kDone;
}

}  // namespace divvy::app
