#include "moe/analysis/analysis.h"

#include <cmath>

#include "moe/analysis/metrics.h"
#include "tensor/error.h"
#include "tests/moe/record_support.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using namespace moe;

namespace {

/// Two samples of a regression with two experts, of which the second takes both.
Record small_regression() {
  Record record;
  record.experts = 2;
  record.expert = {1, 1};
  record.probabilities = {0, 1, .25f, .75f};
  record.squared_error = {1, 4};
  record.expert_squared_error = {1, 2};
  record.expert_squared_errors = {3, 1, 1, 2};
  record.evaluated_rows = 4;
  return record;
}

}  // namespace

TEST_CASE("the reports of two experts, worked out by hand") {
  // Labels 0 0 1 1. Expert 0 says 0 0 0 1 with probabilities 1 .5 0 .25, expert 1 says 1 0 1 0 with 0 .5 1 .75.
  const auto reports = expert_reports(small_record());
  const double half = std::log(2), quarter = std::log(4);
  REQUIRE(reports.size() == 2);
  const ExpertReport& first = reports[0];
  CHECK(first.selected == 2);
  CHECK(first.mean_probability == Approx(1.75 / 4));
  CHECK(first.expected_samples == Approx(1.75));
  const double m = 1.75 / 4;
  CHECK(first.probability_variance ==
        Approx(((1 - m) * (1 - m) + (.5 - m) * (.5 - m) + m * m + (.25 - m) * (.25 - m)) / 4));
  CHECK(first.mean_log_probability_nats == Approx((0 + std::log(.5) + std::log(1e-15) + std::log(.25)) / 4));
  CHECK(*first.accuracy == 0.75);                          // right for samples 0, 1, 3
  CHECK(*first.weighted_accuracy == Approx(1.75 / 1.75));  // wrong only where its probability is 0
  CHECK(*first.selected_accuracy == 1);
  CHECK(*first.loss_nats == Approx((half * 3 + quarter) / 4));
  CHECK(*first.weighted_loss_nats == Approx(half));
  CHECK(*first.selected_loss_nats == Approx(half));
  CHECK(!first.mean_squared_error);
  CHECK(!first.selected_squared_error);
  const ExpertReport& second = reports[1];
  CHECK(*second.accuracy == 0.5);  // right for samples 1 and 2
  CHECK(*second.weighted_accuracy == Approx(1.5 / 2.25));
  CHECK(*second.selected_accuracy == 0.5);
  CHECK(*second.loss_nats == Approx((quarter + half + half + quarter) / 4));
  CHECK(*second.weighted_loss_nats == Approx((half * 1.5 + quarter * .75) / 2.25));
  CHECK(*second.selected_loss_nats == Approx((half + quarter) / 2));
}

TEST_CASE("an expert without samples or weight has no figures of them") {
  Record record = small_record();
  record.expert = {0, 0, 0, 0};
  record.probabilities = {1, 0, 1, 0, 1, 0, 1, 0};
  const ExpertReport idle = expert_reports(record)[1];
  CHECK(idle.selected == 0);
  CHECK(idle.mean_log_probability_nats == Approx(std::log(1e-15)));
  CHECK(idle.accuracy.has_value());
  CHECK(!idle.weighted_accuracy);
  CHECK(!idle.selected_accuracy);
  CHECK(!idle.weighted_loss_nats);
  CHECK(!idle.selected_loss_nats);
  const auto sparse = expert_reports(random_record(9, 2, 3, 5, true));
  CHECK(!sparse[0].accuracy);
  CHECK(!sparse[0].weighted_loss_nats);
  CHECK((sparse[0].selected_accuracy.has_value() == (sparse[0].selected > 0)));
}

TEST_CASE("oracle routing and the split of errors, worked out by hand") {
  Record record = small_record();
  // Sample 3 is wrong although expert 0 is right.
  CHECK(split_errors(record).gate_errors == 1);
  CHECK(split_errors(record).expert_errors == 0);
  CHECK(split_errors(record).gate_error() == 0.25);
  OracleReport best = oracle(record);
  CHECK(best.oracle_accuracy == 1);
  CHECK(best.best_expert_accuracy == 1);
  CHECK(best.best_expert_loss_nats == Approx(std::log(2)));
  CHECK(best.regret_nats == Approx(std::log(2) / 4));
  CHECK(best.selection_regret_nats == Approx(std::log(2) / 4));
  record.expert_predictions[6] = 0;  // now nobody knows sample 3, though expert 0 still has the smaller loss
  CHECK(split_errors(record).gate_errors == 0);
  CHECK(split_errors(record).expert_errors == 1);
  CHECK(split_errors(record).expert_error() == 0.25);
  CHECK(oracle(record).oracle_accuracy == 0.75);
  CHECK(oracle(record).best_expert_accuracy == 0.75);
  CHECK(best_single_expert(small_record()).expert == 0);
  CHECK(best_single_expert(small_record()).score == 0.75);
}

TEST_CASE("oracle routing of a regression, worked out by hand") {
  const Record record = small_regression();
  const OracleRegressionReport best = oracle_regression(record);
  CHECK(best.best_expert_squared_error == 1);
  CHECK(best.regret_squared_error == 1.5);
  CHECK(best.selection_regret_squared_error == 0.5);
  CHECK(best_single_expert(record).expert == 1);
  CHECK(best_single_expert(record).score == 1.5);
  const auto reports = expert_reports(record);
  CHECK(*reports[0].mean_squared_error == 2);
  CHECK(*reports[0].weighted_squared_error == 1);
  CHECK(!reports[0].selected_squared_error);
  CHECK(*reports[1].selected_squared_error == 1.5);
  CHECK(*reports[1].weighted_squared_error == Approx(2.5 / 1.75));
  CHECK(!reports[0].accuracy);
  CHECK(!reports[0].loss_nats);
}

TEST_CASE("errors by lists of classes") {
  Record record;
  record.experts = 1;
  record.classes = 4;
  record.label = {0, 0, 0, 3, 2};
  record.prediction = {0, 1, 2, 0, 2};
  record.expert = record.expert_prediction = record.label_rank = {0, 0, 0, 0, 0};
  const ErrorSplit split = split_errors(record, {{0, 1}, {3, 2}});
  CHECK(split.samples == 5);
  CHECK(split.expert_errors == 1);
  CHECK(split.gate_errors == 2);
  CHECK(split.expert_error() == 0.2);
  CHECK(refusal<ValueError>([&] { split_errors(record, {{0, 1}, {3}}); }) == "class lists: class 2 is in none of them");
  CHECK(refusal<ValueError>([&] {
          split_errors(record, {{0, 1}, {1, 2, 3}});
        }) == "class lists: class 1 is in two of them");
  CHECK(refusal<ValueError>([&] {
          split_errors(record, {{0, 1, 2, 3, 4}});
        }) == "class lists: class 4 is outside [0, 4)");
}

TEST_CASE("constant experts show what the gate does alone") {
  // Expert 0 says 0 twice, expert 1 says 1 and 0: constants 0 and, the smaller of equals, 0.
  CHECK(constant_expert_accuracy(small_record()) == 0.5);
  CHECK(gate_only_accuracy(small_record()) == 1);  // by the labels of their samples: 0 and 1
  Record record = small_record();
  record.expert_prediction = {0, 0, 1, 1};
  CHECK(constant_expert_accuracy(record) == 1);
  record.expert = {0, -1, 1, 1};
  CHECK(constant_expert_accuracy(record) == 0.75);
  record.expert = {0, 0, 0, 0};  // expert 1 has no samples; expert 0 is right for one class
  CHECK(gate_only_accuracy(record) == 0.5);
}

TEST_CASE("losses without the gate's choice") {
  const Record record = small_record();
  const double first = 1.75 / 4, second = 2.25 / 4;
  const double mixed = first * .5 + second * .25, other = first * .25 + second * .5;
  // Probabilities of the labels: samples (.5, .25), (.5, .5), (.25, .5), (.5, .25).
  CHECK(average_gate_loss_nats(record) == Approx(-(2 * std::log(mixed) + std::log(.5) + std::log(other)) / 4));
}

TEST_CASE("analysis agrees with plain loops on random records") {
  for (uint64_t seed = 100; seed < 140; ++seed) {
    const int64_t samples = 1 + static_cast<int64_t>(seed * 11 % 40), experts = 1 + static_cast<int64_t>(seed % 5);
    const int64_t classes = 1 + static_cast<int64_t>(seed % 7);
    const Record r = random_record(samples, experts, classes, seed);
    CAPTURE(seed, samples, experts, classes);
    const auto n = static_cast<double>(samples);
    const auto at = [&](int64_t b, int64_t e) { return static_cast<size_t>(b * experts + e); };
    double some = 0, least = 0, gate_wrong = 0, all_wrong = 0;
    for (int64_t b = 0; b < samples; ++b) {
      const auto i = static_cast<size_t>(b);
      bool right = false;
      double best = 1e9;
      for (int64_t e = 0; e < experts; ++e) {
        right = right || r.expert_predictions[at(b, e)] == r.label[i];
        best = std::min(best, static_cast<double>(r.expert_losses[at(b, e)]));
      }
      some += right, least += best;
      if (r.prediction[i] != r.label[i]) (right ? gate_wrong : all_wrong) += 1;
    }
    const OracleReport report = oracle(r);
    CHECK(report.oracle_accuracy == Approx(some / n));
    CHECK(report.best_expert_loss_nats == Approx(least / n));
    CHECK(report.best_expert_accuracy <= report.oracle_accuracy);
    CHECK(report.regret_nats >= -1e-6);  // a mixture is never more probable than its best member
    CHECK(report.selection_regret_nats >= -1e-6);
    const ErrorSplit split = split_errors(r);
    CHECK(split.gate_error() == Approx(gate_wrong / n));
    CHECK(split.expert_error() == Approx(all_wrong / n));
    CHECK(split.gate_error() + split.expert_error() == Approx(error_rate(r)).margin(1e-12));

    const auto reports = expert_reports(r);
    double best_accuracy = 0, expected = 0;
    int64_t selected = 0;
    for (int64_t e = 0; e < experts; ++e) {
      double right = 0, mass = 0, right_mass = 0, loss_mass = 0, loss = 0;
      for (int64_t b = 0; b < samples; ++b) {
        const double p = r.probabilities[at(b, e)];
        const bool good = r.expert_predictions[at(b, e)] == r.label[static_cast<size_t>(b)];
        right += good, mass += p, right_mass += good ? p : 0;
        loss += r.expert_losses[at(b, e)], loss_mass += p * r.expert_losses[at(b, e)];
      }
      const ExpertReport& own = reports[static_cast<size_t>(e)];
      CHECK(*own.accuracy == Approx(right / n));
      CHECK(*own.weighted_accuracy == Approx(right_mass / mass));
      CHECK(*own.loss_nats == Approx(loss / n));
      CHECK(*own.weighted_loss_nats == Approx(loss_mass / mass));
      best_accuracy = std::max(best_accuracy, right / n);
      selected += own.selected, expected += own.expected_samples;
    }
    CHECK(best_single_expert(r).score == Approx(best_accuracy));
    CHECK(selected == samples);
    CHECK(expected == Approx(n));
    CHECK(constant_expert_accuracy(r) <= gate_only_accuracy(r));
  }
}

TEST_CASE("analysis of a record without what it needs is refused by name") {
  const Record sparse = random_record(5, 2, 2, 1, true), regression = small_regression();
  CHECK_THROWS_WITH(oracle(sparse), Catch::Contains("oracle routing: the record lacks the outcomes of experts"));
  CHECK_THROWS_WITH(oracle(regression), Catch::Contains("oracle routing: the record is of a regression"));
  CHECK_THROWS_WITH(oracle_regression(small_record()), Catch::Contains("is of a classification"));
  CHECK_THROWS_WITH(split_errors(sparse), Catch::Contains("split of errors: the record lacks"));
  CHECK_THROWS_WITH(split_errors(regression, {{0}}), Catch::Contains("is of a regression"));
  CHECK_THROWS_WITH(best_single_expert(sparse), Catch::Contains("best single expert: the record lacks"));
  CHECK_THROWS_WITH(average_gate_loss_nats(sparse), Catch::Contains("the record lacks"));
  CHECK_THROWS_WITH(constant_expert_accuracy(regression), Catch::Contains("is of a regression"));
  CHECK_THROWS_WITH(gate_only_accuracy(regression), Catch::Contains("is of a regression"));
  CHECK_THROWS_WITH(expert_reports(Record()), Catch::Contains("no samples"));
  CHECK_THROWS_WITH(oracle(Record()), Catch::Contains("no samples"));
}

}  // namespace divvy::test
