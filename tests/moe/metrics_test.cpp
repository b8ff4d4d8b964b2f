#include "moe/analysis/metrics.h"

#include <cmath>
#include <functional>
#include <numbers>

#include "tensor/error.h"
#include "tests/moe/record_support.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using namespace moe;

TEST_CASE("metrics of a small record, worked out by hand") {
  const Record record = small_record();
  CHECK(accuracy(record) == 0.75);
  CHECK(error_rate(record) == 0.25);
  CHECK(top_k_error(record, 1) == 0.25);
  CHECK(top_k_error(record, 2) == 0);
  CHECK(mean_loss_nats(record) == Approx((3 * std::log(2) + std::log(4)) / 4));
  const double quarter = 0.25 * 2 + 0.75 * std::log2(4 / 3.0);
  CHECK(sample_entropy_bits(record) == Approx((1 + quarter) / 4));
  const double p = (1 + .5 + 0 + .25) / 4, usage = -p * std::log2(p) - (1 - p) * std::log2(1 - p);
  CHECK(usage_entropy_bits(record) == Approx(usage));
  CHECK(selection_entropy_bits(record) == Approx(1));
  // Class 0 has the mean gate (.75, .25), class 1 has (.125, .875).
  const double eighth = 0.125 * 3 + 0.875 * std::log2(8 / 7.0);
  CHECK(per_task_entropy_bits(record) == Approx((quarter + eighth) / 2));
  CHECK(per_task_selection_entropy_bits(record) == 0);
  CHECK(gate_divergence_nats(record) == Approx((usage - (1 + quarter) / 4) * std::log(2)));
  // Importance (1.75, 2.25): mean 2, deviation .5 / sqrt(2) each from it, unbiased .125 / 1.
  CHECK(importance_cv(record) == Approx(std::sqrt(0.125) / 2));
  CHECK(mutual_information_label_bits(record) == Approx(1));
  // Predictions 0 0 1 0 at experts 0 0 1 1: H(Y) + H(E) - H(E, Y) = .811278 + 1 - 1.5.
  CHECK(mutual_information_prediction_bits(record) == Approx(0.3112781244591328));
  CHECK(experts_used(record) == 2);
  CHECK(experts_used(record, 0.6) == 0);
  CHECK(class_expert_table(record) == Counts{{2, 0}, {0, 2}});
  CHECK(prediction_expert_table(record) == Counts{{2, 1}, {0, 1}});
  CHECK(class_expert_mass(record) == std::vector<std::vector<double>>{{1.5, .5}, {.25, 1.75}});
  CHECK(mean_probabilities(record) == std::vector<double>{1.75 / 4, 2.25 / 4});
  CHECK(selected_counts(record) == std::vector<int64_t>{2, 2});
  CHECK(confusion_matrix(record) == Counts{{2, 0}, {1, 1}});
  const auto reports = class_reports(confusion_matrix(record));
  CHECK(reports[0].precision == Approx(2 / 3.0));
  CHECK(reports[0].recall == 1);
  CHECK(reports[0].f1 == Approx(0.8));
  CHECK(reports[1].precision == 1);
  CHECK(reports[1].recall == 0.5);
  CHECK(reports[1].support == 2);
}

TEST_CASE("metrics of one sample, one expert and of equal probabilities") {
  const Record one = random_record(1, 1, 1, 3);
  CHECK(accuracy(one) == 1);
  CHECK(top_k_error(one, 1) == 0);
  for (const auto& zero :
       {sample_entropy_bits, usage_entropy_bits, selection_entropy_bits, per_task_entropy_bits, gate_divergence_nats,
        importance_cv, mutual_information_label_bits, mutual_information_prediction_bits}) {
    CHECK(zero(one) == 0);
  }
  Record even = random_record(30, 4, 3, 4);
  even.probabilities.assign(120, 0.25f);
  CHECK(sample_entropy_bits(even) == Approx(2));
  CHECK(usage_entropy_bits(even) == Approx(2));
  CHECK(per_task_entropy_bits(even) == Approx(2));
  CHECK(gate_divergence_nats(even) == Approx(0).margin(1e-12));
  CHECK(importance_cv(even) == Approx(0).margin(1e-12));
}

TEST_CASE("a hard gate has no sample entropy and never gives NaN") {
  Record record = small_record();
  record.probabilities = {1, 0, 1, 0, 1, 0, 1, 0};
  record.expert = {0, 0, 0, 0};
  CHECK(sample_entropy_bits(record) == 0);
  CHECK(usage_entropy_bits(record) == 0);
  CHECK(selection_entropy_bits(record) == 0);
  CHECK(per_task_entropy_bits(record) == 0);
  CHECK(gate_divergence_nats(record) == 0);
  CHECK(importance_cv(record) == Approx(std::numbers::sqrt2));
  CHECK(experts_used(record) == 1);
  record.probabilities = {1, 0, 1, 0, 0, 1, 0, 1};
  CHECK(gate_divergence_nats(record) == Approx(std::log(2)));  // = H_u - H_s, with nothing lost in the gate
}

TEST_CASE("samples that no expert took count in no table") {
  Record record = small_record();
  record.expert = {0, -1, 1, -1};
  record.expert_prediction = {0, -1, 1, -1};
  CHECK(selected_counts(record) == std::vector<int64_t>{1, 1});
  CHECK(class_expert_table(record) == Counts{{1, 0}, {0, 1}});
  CHECK(mutual_information_label_bits(record) == Approx(1));
  CHECK(accuracy(record) == 0.75);
  record.expert = record.expert_prediction = {-1, -1, -1, -1};
  CHECK(selection_entropy_bits(record) == 0);
  CHECK(per_task_selection_entropy_bits(record) == 0);
  CHECK(experts_used(record) == 0);
}

TEST_CASE("metrics agree with plain loops on random records") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const int64_t samples = 1 + static_cast<int64_t>(seed * 7 % 50), experts = 1 + static_cast<int64_t>(seed % 6);
    const int64_t classes = 1 + static_cast<int64_t>(seed % 8);
    const Record r = random_record(samples, experts, classes, seed, seed % 2 == 1);
    CAPTURE(seed, samples, experts, classes);
    const auto n = static_cast<double>(samples);
    const auto p = [&](int64_t b, int64_t e) -> double {
      return r.probabilities[static_cast<size_t>(b * experts + e)];
    };
    const auto bits = [](double q) { return q > 0 ? -q * std::log(q) / std::log(2) : 0; };

    double h_s = 0, h_u = 0, kl = 0, center = 0, spread = 0;
    for (int64_t e = 0; e < experts; ++e) {
      double mean = 0;
      for (int64_t b = 0; b < samples; ++b) mean += p(b, e) / n;
      for (int64_t b = 0; b < samples; ++b) h_s += bits(p(b, e)) / n, kl += p(b, e) * std::log(p(b, e) / mean) / n;
      h_u += bits(mean);
      center += mean * n / static_cast<double>(experts);
    }
    for (int64_t e = 0; e < experts; ++e) {
      double importance = 0;
      for (int64_t b = 0; b < samples; ++b) importance += p(b, e);
      spread += (importance - center) * (importance - center);
    }
    CHECK(sample_entropy_bits(r) == Approx(h_s));
    CHECK(usage_entropy_bits(r) == Approx(h_u).margin(1e-6));
    CHECK(gate_divergence_nats(r) == Approx(kl).margin(1e-6));
    CHECK(importance_cv(r) ==
          Approx(experts == 1 ? 0 : std::sqrt(spread / static_cast<double>(experts - 1)) / center).margin(1e-9));

    double per_task = 0, present = 0;
    for (int64_t c = 0; c < classes; ++c) {
      double members = 0, entropy = 0;
      for (int64_t y : r.label) members += y == c;
      if (members == 0) continue;
      for (int64_t e = 0; e < experts; ++e) {
        double mass = 0;
        for (int64_t b = 0; b < samples; ++b) mass += r.label[static_cast<size_t>(b)] == c ? p(b, e) / members : 0;
        entropy += bits(mass);
      }
      per_task += entropy;
      ++present;
    }
    CHECK(per_task_entropy_bits(r) == Approx(per_task / present).margin(1e-6));

    int64_t wrong = 0, outside_5 = 0;
    for (size_t b = 0; b < r.label.size(); ++b)
      wrong += r.label[b] != r.prediction[b], outside_5 += r.label_rank[b] > 4;
    CHECK(error_rate(r) == Approx(static_cast<double>(wrong) / n));
    CHECK(top_k_error(r, 1) == Approx(error_rate(r)));
    CHECK(top_k_error(r, 5) == Approx(static_cast<double>(outside_5) / n));
  }
}

TEST_CASE("a class that was never predicted has no precision but no NaN either") {
  const auto reports = class_reports({{0, 3}, {0, 0}});
  CHECK(reports[0].precision == 0);
  CHECK(reports[0].f1 == 0);
  CHECK(reports[1].recall == 0);
}

TEST_CASE("metrics of a record without what they need are refused by name") {
  CHECK_THROWS_WITH(accuracy(Record()), Catch::Contains("accuracy: the record has no samples"));
  using Metric = double (*)(const Record&);
  const Metric any[] = {sample_entropy_bits, usage_entropy_bits, importance_cv, gate_divergence_nats,
                        selection_entropy_bits};
  const Metric labels[] = {per_task_entropy_bits, per_task_selection_entropy_bits, mutual_information_label_bits};
  const Metric classes[] = {accuracy, error_rate, mean_loss_nats, mutual_information_prediction_bits};
  Record regression;
  regression.experts = 1;
  regression.expert = {0};
  regression.probabilities = {1};
  regression.squared_error = regression.expert_squared_error = {2};
  for (Metric metric : any) {
    CHECK_THROWS_AS(metric(Record()), ValueError);
    CHECK(metric(regression) == 0);
  }
  for (Metric metric : labels) CHECK_THROWS_WITH(metric(regression), Catch::Contains("the record has no labels"));
  for (Metric metric : classes) CHECK_THROWS_WITH(metric(regression), Catch::Contains("the record is of a regression"));
  CHECK_THROWS_WITH(confusion_matrix(regression), Catch::Contains("of a regression"));
  CHECK_THROWS_WITH(top_k_error(regression, 1), Catch::Contains("top-k error: the record is of a regression"));
  CHECK_THROWS_AS(top_k_error(small_record(), 0), ValueError);
  CHECK_THROWS_AS(experts_used(Record()), ValueError);
  CHECK(mean_squared_error(regression) == 2);
  CHECK_THROWS_WITH(mean_squared_error(small_record()), Catch::Contains("of a classification"));
}

TEST_CASE("a regression with classes has mutual information") {
  Record record;
  record.experts = record.classes = 2;
  record.label = record.expert = {0, 1, 0, 1};
  record.probabilities = {1, 0, 0, 1, 1, 0, 0, 1};
  record.squared_error = record.expert_squared_error = {0, 1, 2, 3};
  CHECK(mutual_information_label_bits(record) == Approx(1));
  CHECK(mean_squared_error(record) == 1.5);
  Generator random(1);
  CHECK(label_information_null(record, 20, random).p_value > 0.1);  // four samples prove nothing
}

}  // namespace divvy::test
