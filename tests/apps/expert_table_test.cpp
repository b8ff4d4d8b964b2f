#include "apps/terminal/expert_table.h"

#include "tests/moe/record_support.h"
#include "tests/support/catch.h"

namespace divvy::test {

using namespace app;

TEST_CASE("a table of experts has a row each and only columns with figures") {
  moe::Record record = small_record();
  CHECK(expert_text(moe::expert_reports(record)) ==
        "expert  samples  mean gate %  right, own %  by weight %  all %  loss, own nats  by weight nats  all nats\n"
        "──────  ───────  ───────────  ────────────  ───────────  ─────  ──────────────  ──────────────  ────────\n"
        "     0        2        43.75        100.00       100.00  75.00           0.693           0.693     0.866\n"
        "     1        2        56.25         50.00        66.67  50.00           1.040           0.924     1.040\n");
  record.expert = {0, 0, 0, 0};
  CHECK(expert_text(moe::expert_reports(record)).find("     1        0        56.25             -        66.67") !=
        std::string::npos);
  const std::string sparse = expert_text(moe::expert_reports(random_record(9, 2, 2, 1, true)));
  CHECK(sparse.find("right, own %") != std::string::npos);
  CHECK(sparse.find("by weight") == std::string::npos);
  CHECK(sparse.find("squared") == std::string::npos);
}

TEST_CASE("reports of experts as JSON leave out what is not known") {
  const auto reports = moe::expert_reports(small_record());
  const auto json = expert_json(reports);
  REQUIRE(json.size() == 2);
  CHECK(json[0]["selected_samples"] == 2);
  CHECK(json[0]["expected_samples"] == 1.75);
  CHECK(json[1]["mean_probability"] == 0.5625);
  CHECK(json[1]["accuracy"] == 0.5);
  CHECK(json[1]["weighted_loss_nats"] == *reports[1].weighted_loss_nats);
  CHECK(!json[0].contains("mean_squared_error"));
  CHECK(!expert_json(moe::expert_reports(random_record(9, 2, 2, 1, true)))[0].contains("accuracy"));
}

}  // namespace divvy::test
