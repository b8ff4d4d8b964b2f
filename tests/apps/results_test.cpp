#include "apps/run/results.h"

#include <cmath>
#include <limits>

#include "apps/run/run_config.h"
#include "apps/run/sweep_reference.h"
#include "moe/analysis/analysis.h"
#include "moe/analysis/metrics.h"
#include "tensor/error.h"
#include "tests/moe/record_support.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace divvy::test {

using namespace app;

TEST_CASE("the metrics of a record are what the functions of their names give") {
  const moe::Record record = random_record(60, 3, 8, 4);
  const ResultRow row = record_metrics(record, "test_");
  CHECK(row["test_samples"] == 60);
  CHECK(row["test_accuracy"] == moe::accuracy(record));
  CHECK(row["test_error"] == moe::error_rate(record));
  CHECK(row["test_top_5_error"] == moe::top_k_error(record, 5));
  CHECK(row["test_loss_nats"] == moe::mean_loss_nats(record));
  CHECK(row["test_mutual_information_label_bits"] == moe::mutual_information_label_bits(record));
  CHECK(row["test_mutual_information_label_corrected_bits"] == moe::label_information(record).corrected_bits);
  CHECK(row["test_mutual_information_prediction_bits"] == moe::mutual_information_prediction_bits(record));
  CHECK(row["test_sample_entropy_bits"] == moe::sample_entropy_bits(record));
  CHECK(row["test_usage_entropy_bits"] == moe::usage_entropy_bits(record));
  CHECK(row["test_selection_entropy_bits"] == moe::selection_entropy_bits(record));
  CHECK(row["test_per_task_entropy_bits"] == moe::per_task_entropy_bits(record));
  CHECK(row["test_gate_divergence_nats"] == moe::gate_divergence_nats(record));
  CHECK(row["test_importance_cv"] == moe::importance_cv(record));
  CHECK(row["test_experts_used"] == moe::experts_used(record));
  CHECK(row["test_rows_per_sample"] == 3);
  CHECK(row["test_oracle_accuracy"] == moe::oracle(record).oracle_accuracy);
  CHECK(row["test_routing_regret_nats"] == moe::oracle(record).regret_nats);
  CHECK(row["test_gate_error"] == moe::split_errors(record).gate_error());
  CHECK(row["test_expert_error"] == moe::split_errors(record).expert_error());
  CHECK(row["test_best_single_expert_accuracy"] == moe::best_single_expert(record).score);
  CHECK(row["test_constant_expert_accuracy"] == moe::constant_expert_accuracy(record));
  CHECK(row["test_gate_only_accuracy"] == moe::gate_only_accuracy(record));
  for (const auto& [key, value] : row.items()) CHECK(std::isfinite(value.get<double>()));
}

TEST_CASE("what a record does not tell is left out") {
  const ResultRow sparse = record_metrics(random_record(20, 3, 4, 4, true));
  CHECK(sparse.contains("accuracy"));
  CHECK(!sparse.contains("top_5_error"));  // of four classes
  CHECK(!sparse.contains("oracle_accuracy"));
  moe::Record regression;
  regression.experts = 2;
  regression.expert = {0, -1};
  regression.probabilities = {1, 0, .5f, .5f};
  regression.squared_error = {1, 3};
  regression.expert_squared_error = {1, 0};
  const ResultRow row = record_metrics(regression);
  CHECK(row["mean_squared_error"] == 2);
  CHECK(!row.contains("accuracy"));
  CHECK(!row.contains("mutual_information_label_bits"));
  CHECK(!row.contains("oracle_squared_error"));
  regression.expert_squared_errors = {1, 0.5f, 2, 2};
  CHECK(record_metrics(regression)["oracle_squared_error"] == 1.25);
  CHECK(record_metrics(regression)["routing_regret_squared_error"] == 0.75);
  moe::Record unrouted = small_record();
  unrouted.expert = unrouted.expert_prediction = {-1, -1, -1, -1};
  CHECK(!record_metrics(unrouted).contains("mutual_information_label_bits"));
  CHECK_THROWS_AS(record_metrics(moe::Record()), ValueError);
}

TEST_CASE("rows as CSV: all columns, quotes where needed, every digit") {
  const std::vector<ResultRow> rows = {{{"name", "a,b"}, {"x", 0.1}, {"whole", 3}, {"on", true}},
                                       {{"x", 1.0 / 3}, {"note", "say \"hi\"\nbye"}, {"name", nullptr}}};
  CHECK(results_csv(rows) ==
        "name,x,whole,on,note\n"
        "\"a,b\",0.1,3,true,\n"
        ",0.3333333333333333,,,\"say \"\"hi\"\"\nbye\"\n");
  CHECK(std::stod("0.3333333333333333") == 1.0 / 3);
  CHECK(results_csv({}) == "\n");
  CHECK_THROWS_AS(results_csv({ResultRow::array({1})}), ValueError);
  CHECK_THROWS_AS(results_csv({{{"a", {{"b", 1}}}}}), ValueError);
}

TEST_CASE("results are written whole, as CSV and as JSON") {
  const TemporaryFolder folder;
  const std::vector<ResultRow> rows = {{{"seed", 1}, {"x", 0.1}}, {{"seed", 2}, {"x", 1.0 / 3}}};
  write_results_csv(folder / "r.csv", rows);
  CHECK(read_bytes(folder / "r.csv") == "seed,x\n1,0.1\n2,0.3333333333333333\n");
  write_results_json(folder / "r.json", rows);
  CHECK(nlohmann::ordered_json::parse(read_bytes(folder / "r.json")) == nlohmann::ordered_json(rows));
  write_results_json(folder / "r.json", {});
  CHECK(nlohmann::json::parse(read_bytes(folder / "r.json")).empty());
  CHECK_THROWS_AS(write_results_csv((folder / "no" / "r.csv").string(), rows), CheckpointError);
}

TEST_CASE("rows become runs that can be grouped and shown") {
  const std::vector<ResultRow> rows = {
      {{"data", "mnist"}, {"importance", 0.2}, {"seed", 1}, {"val_error", 0.1}, {"note", "x"}},
      {{"data", "mnist"}, {"importance", 0.2}, {"seed", 2}, {"val_error", 0.2}},
      {{"data", "mnist"}, {"seed", 1}, {"val_error", 0.25}, {"test_error", 0.5}}};
  const auto runs = run_rows(rows, {"data", "importance"});
  CHECK(runs[0].settings == std::map<std::string, std::string>{{"data", "mnist"}, {"importance", "0.2"}});
  CHECK(runs[0].metrics == std::map<std::string, double>{{"val_error", 0.1}});
  CHECK(runs[2].settings.at("importance").empty());
  CHECK(
      group_table(moe::group_runs(runs), {{"val_error", "val error %", 100, 1}, {"test_error", "test error", 1, 2}}) ==
      "importance  seeds  val error %  test error\n"
      "──────────  ─────  ───────────  ──────────\n"
      "       0.2      2   15.0 ± 7.1           -\n"
      "                1         25.0        0.50\n");
  CHECK_THROWS_AS(run_rows({{{"x", 1}}}, {}), ValueError);
  CHECK_THROWS_AS(run_rows({{{"seed", "1"}}}, {}), ValueError);
}

TEST_CASE("published names have their parts where a setting is not the usual one") {
  ReferenceSettings settings{.model = "m", .classes = 10, .experts = 5};
  CHECK(reference_name(settings) == "m");
  settings.importance = 0.2;
  CHECK(reference_name(settings) == "m_importance_0.2");
  settings.importance = 1;
  CHECK(reference_name(settings) == "m_importance_1.0");
  settings = {.model = "m", .classes = 10, .experts = 5, .temperature = 1.1, .temperature_decay = 0.01};
  CHECK(reference_name(settings) == "m_temp_1.1_t_decay_0.01");
  settings = {.model = "m", .classes = 100, .experts = 20, .similarity_same = 1e-5, .similarity_different = 1e-4};
  CHECK(reference_name(settings) == "m_sample_sim_same_1e-05_sample_sim_diff_0.0001");
  settings = {.model = "m",
              .classes = 10,
              .experts = 5,
              .temperature = 20,
              .no_gate_temperature = 10,
              .similarity_same = 0.1,
              .similarity_different = 2};
  CHECK(reference_name(settings) == "m_temp_20.0_no_gate_T_10.0_sample_sim_same_0.1_sample_sim_diff_2.0");
  settings.similarity_same = 1.5e-7;
  CHECK(reference_name(settings).find("_sample_sim_same_1.5e-07_") != std::string::npos);
  settings.similarity_same = -1;
  CHECK_THROWS_AS(reference_name(settings), ValueError);
  settings.similarity_same = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(reference_name(settings), ValueError);
}

TEST_CASE("rows of published tables use the figures of soft and of hard gates") {
  const moe::Record test = small_record(), validation = random_record(10, 2, 2, 3);
  const TemporaryFolder folder;
  const auto row_of = [&](const char* settings, const moe::Record& test_record, int64_t classes) {
    ResultRow summary{{"train_accuracy", 0.875}, {"experts", test_record.experts}};
    summary["train_samples_per_class"] = std::vector<int64_t>(static_cast<size_t>(classes), 1);
    summary.update(record_metrics(validation, "val_"));
    summary.update(record_metrics(test_record, "test_"));
    write_bytes(folder / "config.toml", with_checksum(settings));
    write_bytes(folder / "summary.json", summary.dump());
    SweepRun run;
    run.experiment = "m";
    run.folder = folder.path();
    return reference_row(run);
  };
  const ReferenceRow soft = row_of("model = \"mixture\"\nimportance = 0.4\n", test, 2);
  CHECK(soft.model == "m_importance_0.4");
  CHECK(soft.train_error == 0.125);
  CHECK(soft.val_error == moe::error_rate(validation));
  CHECK(soft.test_error == 0.25);
  CHECK(soft.mutual_information == Approx(0.3112781244591328));
  CHECK(soft.sample_entropy == moe::sample_entropy_bits(test));
  CHECK(soft.expert_usage == moe::usage_entropy_bits(test));
  CHECK(soft.per_task_entropy == moe::per_task_entropy_bits(test));
  ReferenceRow hard = row_of("model = \"top-1\"\nimportance = 0.4\n", test, 2);
  CHECK(hard.sample_entropy == 0);
  CHECK(hard.expert_usage == 1);
  CHECK(hard.per_task_entropy == 0);
  hard.val_error = 0.5;
  hard.mutual_information = 0.75;
  CHECK(reference_csv({hard}) ==
        "model,train error,val error,test error,mutual information,sample entropy,experts usage,per task entropy\n"
        "m_importance_0.4,0.125,0.5,0.25,0.75,0,1,0\n");
  CHECK(reference_csv({hard}, true).find(",0.75,0,0.6931471805599453,0\n") != std::string::npos);

  // One expert divides nothing; with more than twenty classes the top-5 error has a column.
  const ReferenceRow single = row_of("model = \"single\"\n", random_record(9, 1, 21, 4), 21);
  CHECK(!single.mutual_information);
  CHECK(single.top_5_error == moe::top_k_error(random_record(9, 1, 21, 4), 5));
  const std::string both = reference_csv({hard, single});
  CHECK(both.starts_with("model,train error,val error,test error,top 5 error,mutual information,"));
  CHECK(both.find("m_importance_0.4,0.125,0.5,0.25,,0.75,0,1,0\n") != std::string::npos);
  CHECK(both.ends_with(",,,,\n"));

  write_reference_csv(folder / "t.csv", {hard, soft});
  CHECK(read_bytes(folder / "t.csv") == reference_csv({hard, soft}));
  write_bytes(folder / "summary.json", "{}");
  SweepRun empty;
  empty.folder = folder.path();
  CHECK_THROWS_AS(reference_row(empty), CheckpointError);
}

}  // namespace divvy::test
