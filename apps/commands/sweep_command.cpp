#include <algorithm>
#include <optional>

#include "apps/commands/commands.h"
#include "apps/exit_code.h"
#include "apps/report/sweep_pictures.h"
#include "apps/run/child_process.h"
#include "apps/run/results.h"
#include "apps/run/run_folder.h"
#include "apps/run/run_support.h"
#include "apps/run/signals.h"
#include "apps/run/sweep_plan.h"
#include "apps/run/sweep_reference.h"
#include "apps/run/sweep_state.h"
#include "apps/terminal/output.h"
#include "moe/analysis/agreement.h"
#include "tensor/cores.h"
#include "tensor/file.h"
#include "tensor/file_lock.h"

namespace divvy::app {

namespace {

namespace fs = std::filesystem;

/// Adds the numbers of a summary, nested ones with dotted names; strings and lists are left out.
void add_numbers(const nlohmann::ordered_json& json, const std::string& prefix, ResultRow& row) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_object()) add_numbers(value, fmt::format("{}{}.", prefix, key), row);
    if (value.is_number()) row[prefix + key] = value;
  }
}

ResultRow row_of(const SweepRun& run, const std::vector<std::string>& grid_keys) {
  ResultRow row;
  row["experiment"] = run.experiment;
  for (const std::string& key : grid_keys) row[fmt::format("set_{}", key)] = run.grid.at(key);
  const auto summary = read_run_json(run.folder / "summary.json");
  for (const auto& [key, value] : summary.items()) {
    if (value.is_string() && key != "experiment") row[key] = value;
  }
  add_numbers(summary, "", row);
  row["seed"] = run.seed;
  return row;
}

nlohmann::ordered_json numbers_json(const moe::Summary& summary) {
  nlohmann::ordered_json numbers{{"mean", summary.mean}, {"min", summary.min}, {"max", summary.max}};
  if (summary.sd) numbers["sd"] = *summary.sd;
  return numbers;
}

/// For each experiment the settings that are best on the validation part, with mean and spread over the seeds.
nlohmann::ordered_json summary_json(const std::vector<moe::RunGroup>& groups, const std::string& metric) {
  auto json = nlohmann::ordered_json::array();
  for (const moe::RunGroup& group : groups) {
    nlohmann::ordered_json entry;
    for (const auto& [key, value] : group.settings) entry["settings"][key] = value;
    entry["chosen_by"] = metric;
    for (const auto& [name, summary] : group.metrics) {
      entry["metrics"][name] = numbers_json(summary);
      entry["metrics"][name]["seeds"] = summary.n;
    }
    json.push_back(entry);
  }
  return json;
}

class Sweep {
 public:
  explicit Sweep(const SweepConfig& config) : config_(config), runs_(plan_sweep(config)) {
    for (const auto& [key, value] : runs_.front().grid) grid_keys_.push_back(key);
  }

  int train() {
    const SignalGuard signals;
    const int cores = available_cores();
    const int jobs = config_.jobs > 0 ? config_.jobs : cores;
    lock();
    const std::vector<const SweepRun*> pending = pending_runs(runs_);
    std::vector<ChildTask> tasks;
    for (const SweepRun* run : pending) {
      ChildTask task{{this_program().string(), "train"}, run->folder.string() + ".log"};
      task.arguments.insert(task.arguments.end(), run->arguments.begin(), run->arguments.end());
      task.arguments.push_back(fmt::format("--threads={}", std::max(1, cores / jobs)));
      tasks.push_back(std::move(task));
    }
    message(
        fmt::format("{} runs, {} of them done before, {} at once", runs_.size(), runs_.size() - pending.size(), jobs));
    size_t done = 0;
    bool stopped = false;
    run_children(tasks, jobs, [&](size_t i, const ChildResult& result) {
      ++done;
      stopped = stopped || result.code == kInterrupted;
      const bool good = result.code == kDone && is_done(*pending[i]);
      if (!good)
        failures_.push_back(
            fmt::format("{}: exit {}, see {}", pending[i]->title(), result.code, tasks[i].log.string()));
      message(fmt::format("[{}/{}] {}  {} ({:.0f} s)", done, tasks.size(), pending[i]->title(),
                          good ? headline(*pending[i]) : fmt::format("FAILED, exit {}", result.code), result.seconds));
      return !stopped;
    });
    return stopped || SignalGuard::interrupted() ? kInterrupted : failures_.empty() ? kDone : kFailure;
  }

  void report() const {
    std::vector<ResultRow> rows;
    for (const SweepRun& run : runs_) {
      if (is_done(run)) rows.push_back(row_of(run, grid_keys_));
    }
    for (const std::string& failure : failures_) print_error("divvy: {}\n", failure);
    if (rows.empty()) return;
    const fs::path out(config_.out);
    write_results_csv((out / "results.csv").string(), rows);
    write_results_json((out / "results.json").string(), rows);

    const bool by_error = std::ranges::all_of(rows, [](const ResultRow& row) { return row.contains(kSquaredError); });
    const std::string metric = by_error ? kSquaredError : kAccuracy;
    const moe::Goal goal = by_error ? moe::Goal::minimize : moe::Goal::maximize;
    std::vector<moe::RunGroup> chosen;
    for (const auto& group : by_experiment(rows)) {
      chosen.push_back(moe::best_group(group, metric, goal));
    }
    auto summary = summary_json(chosen, metric);
    std::vector<std::optional<moe::Summary>> stability;
    for (size_t i = 0; i < chosen.size(); ++i) {
      stability.push_back(routing_stability(chosen[i]));
      if (stability[i]) summary[i]["routing_stability"] = numbers_json(*stability[i]);
    }
    write_results("summary.json", summary);
    const auto runs = run_rows(rows, settings());
    const auto all = moe::group_runs(runs);
    std::vector<std::string> names;
    for (const moe::RunGroup& group : all) names.push_back(settings_text(group));
    draw_sweep(names, all, runs, out);
    if (!by_error) write_reference_tables();
    std::vector<MetricColumn> columns = {{kAccuracy, "val acc %", 100},
                                         {"test_accuracy", "test acc %", 100},
                                         {"test_mutual_information_prediction_bits", "I(e;pred)"},
                                         {"test_mutual_information_label_bits", "I(e;label)"},
                                         {"test_sample_entropy_bits", "H sample"},
                                         {"test_usage_entropy_bits", "H usage"}};
    if (by_error) columns = {{kSquaredError, "val mse", 1, 4}, {"test_mean_squared_error", "test mse", 1, 4}};
    if (grid_keys_.empty()) {
      write_output(group_table(chosen, columns));
    } else {
      print_output("{}\nchosen by {}:\n", group_table(all, columns), metric);
      for (const moe::RunGroup& group : chosen) print_output("  {}\n", settings_text(group));
    }
    for (size_t i = 0; i < chosen.size(); ++i) {
      if (!stability[i]) continue;
      print_output("{}: seeds divide the test part alike to {} (adjusted Rand index of {} pairs)\n",
                   settings_text(chosen[i]), mean_and_sd(*stability[i]), stability[i]->n);
    }
    if (config_.best_of_seeds) print_best_of_seeds(rows, metric, goal);
    print_output("\nsweep folder  {}\n", out.string());
  }

 private:
  static constexpr const char* kAccuracy = "val_accuracy";
  static constexpr const char* kSquaredError = "val_mean_squared_error";

  /// Keeps other sweeps out of the folder, and those that want to read results while they are written.
  void lock() {
    const fs::path out(config_.out);
    std::error_code error;
    fs::create_directories(out, error);
    if (error) fail<CheckpointError>("--out {}: cannot be made: {}", out.string(), error.message());
    lock_ = FileLock::try_acquire(out / "sweep.lock");
    if (!lock_) {
      fail<CheckpointError>("{}: another sweep is running in this folder; wait for it, or choose another --out",
                            out.string());
    }
  }

  void message(const std::string& line) const {
    if (!config_.quiet) print_error("{}\n", line);
  }

  static std::string headline(const SweepRun& run) {
    const auto summary = read_run_json(run.folder / "summary.json");
    const auto number = [&](const char* key) -> std::optional<double> {
      const auto found = summary.find(key);
      if (found == summary.end() || !found->is_number()) return std::nullopt;
      return found->get<double>();
    };
    if (const auto accuracy = number("test_accuracy")) return "test accuracy " + percent(*accuracy);
    if (const auto error = number("test_mean_squared_error")) return fmt::format("test mse {:.5f}", *error);
    return "done";
  }

  std::vector<std::string> settings() const {
    std::vector<std::string> keys = {"experiment"};
    for (const std::string& key : grid_keys_) keys.push_back(fmt::format("set_{}", key));
    return keys;
  }

  /// Writes the published columns, one row per run; the older published tables have expert usage in nats.
  void write_reference_tables() const {
    std::vector<ReferenceRow> rows;
    for (const SweepRun& run : runs_) {
      if (is_done(run)) rows.push_back(reference_row(run));
    }
    write_reference_csv((fs::path(config_.out) / "reference.csv").string(), rows);
    write_reference_csv((fs::path(config_.out) / "reference_nats.csv").string(), rows, true);
  }

  static std::string settings_text(const moe::RunGroup& group) {
    std::string text = group.settings.at("experiment");
    for (const auto& [key, value] : group.settings) {
      if (key.starts_with("set_")) text += fmt::format(", {}={}", key.substr(4), value);
    }
    return text;
  }

  /// How similarly the runs of a group divide the test part, if all have the same samples.
  std::optional<moe::Summary> routing_stability(const moe::RunGroup& group) const {
    std::vector<moe::Record> records;
    for (const SweepRun& run : runs_) {
      const bool member =
          run.experiment == group.settings.at("experiment") && std::ranges::all_of(run.grid, [&](const auto& setting) {
            return group.settings.at(fmt::format("set_{}", setting.first)) == setting.second;
          });
      if (!member || !is_done(run)) continue;
      records.push_back(moe::load_record((run.folder / "routing.safetensors").string()));
      const moe::Record& record = records.back();
      if (!record.is_divided() || !record.has_labels() || record.label != records.front().label) return {};
    }
    if (records.size() < 2) return {};
    return moe::routing_stability(records);
  }

  /// The runs of each experiment, with all of its settings.
  std::vector<std::vector<moe::RunRow>> by_experiment(const std::vector<ResultRow>& rows) const {
    std::vector<std::vector<moe::RunRow>> groups;
    for (moe::RunRow& row : run_rows(rows, settings())) {
      const auto same = [&](const auto& group) {
        return group.front().settings.at("experiment") == row.settings.at("experiment");
      };
      const auto found = std::ranges::find_if(groups, same);
      if (found == groups.end()) {
        groups.push_back({std::move(row)});
      } else {
        found->push_back(std::move(row));
      }
    }
    return groups;
  }

  void print_best_of_seeds(const std::vector<ResultRow>& rows, const std::string& metric, moe::Goal goal) const {
    print_output("\nthe best single run by {}, as tables of best runs report it:\n", metric);
    for (const auto& group : by_experiment(rows)) {
      const moe::BestOfSeeds best = moe::best_of_seeds(group, metric, goal);
      print_output("  {}, seed {}: {} {:.4f}", best.run.settings.at("experiment"), best.run.seed, metric,
                   best.run.metrics.at(metric));
      for (const char* test : {"test_accuracy", "test_mean_squared_error"}) {
        if (const auto found = best.run.metrics.find(test); found != best.run.metrics.end()) {
          print_output(", {} {:.4f}", test, found->second);
        }
      }
      print_output("\n");
    }
  }

  void write_results(const std::string& name, const nlohmann::ordered_json& json) const {
    atomic_write(fs::path(config_.out) / name, FileKind::checkpoint, json.dump(2) + "\n");
  }

  SweepConfig config_;
  std::optional<FileLock> lock_;
  std::vector<SweepRun> runs_;
  std::vector<std::string> grid_keys_, failures_;
};

}  // namespace

int sweep_command(const SweepConfig& config) {
  Sweep sweep(config);
  const int code = sweep.train();
  sweep.report();
  return code;
}

}  // namespace divvy::app
