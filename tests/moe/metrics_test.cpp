#include "moe/metrics.h"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "moe/models.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

/// Four samples, two experts, two classes; expert 0 takes class 0, expert 1 takes class 1, and one prediction is wrong.
Record example() {
  Record record;
  record.experts = record.classes = 2;
  record.label = {0, 0, 1, 1};
  record.prediction = {0, 0, 1, 0};
  record.expert = {0, 0, 1, 1};
  record.expert_prediction = {0, 0, 1, 0};
  record.probabilities = {1, 0, .5f, .5f, 0, 1, .25f, .75f};
  record.evaluated_rows = 8;
  return record;
}

}  // namespace

TEST_CASE("metrics of a small record, worked out by hand") {
  const Record record = example();
  CHECK(accuracy(record) == 0.75);
  const double quarter = 0.25 * 2 + 0.75 * std::log2(4 / 3.0);
  CHECK(sample_entropy_bits(record) == Approx((1 + quarter) / 4));
  const double p = (1 + .5 + 0 + .25) / 4;
  CHECK(usage_entropy_bits(record) == Approx(-p * std::log2(p) - (1 - p) * std::log2(1 - p)));
  CHECK(mutual_information_label_bits(record) == Approx(1));
  // Predictions 0 0 1 0 at experts 0 0 1 1: H(Y) + H(E) - H(E, Y) = .811278 + 1 - 1.5.
  CHECK(mutual_information_prediction_bits(record) == Approx(0.3112781244591328));
  CHECK(experts_used(record) == 2);
  CHECK(experts_used(record, 0.6) == 0);
  CHECK(class_expert_table(record) == Counts{{2, 0}, {0, 2}});
  CHECK(confusion_matrix(record) == Counts{{2, 0}, {1, 1}});
  const auto reports = class_reports(confusion_matrix(record));
  CHECK(reports[0].precision == Approx(2 / 3.0));
  CHECK(reports[0].recall == 1);
  CHECK(reports[0].f1 == Approx(0.8));
  CHECK(reports[1].precision == 1);
  CHECK(reports[1].recall == 0.5);
  CHECK(reports[1].support == 2);
}

TEST_CASE("mutual information of independent and of identical variables") {
  CHECK(mutual_information_bits({{5, 5}, {5, 5}}) == Approx(0).margin(1e-12));
  CHECK(mutual_information_bits({{0, 7, 0}, {0, 9, 0}}) == Approx(0).margin(1e-12));
  CHECK(mutual_information_bits({{3, 0, 0, 0}, {0, 3, 0, 0}, {0, 0, 3, 0}, {0, 0, 0, 3}}) == Approx(2));
  CHECK_THROWS_AS(mutual_information_bits({}), ValueError);
  CHECK_THROWS_AS(mutual_information_bits({{0, 0}}), ValueError);
}

TEST_CASE("a hard gate has no sample entropy and never gives NaN") {
  Record record = example();
  record.probabilities = {1, 0, 1, 0, 1, 0, 1, 0};
  CHECK(sample_entropy_bits(record) == 0);
  CHECK(usage_entropy_bits(record) == 0);
}

TEST_CASE("metrics of an empty record are refused by name") {
  CHECK_THROWS_WITH(accuracy(Record()), Catch::Contains("accuracy: the record has no samples"));
  CHECK_THROWS_AS(sample_entropy_bits(Record()), ValueError);
  CHECK_THROWS_AS(usage_entropy_bits(Record()), ValueError);
  CHECK_THROWS_AS(experts_used(Record()), ValueError);
}

TEST_CASE("a class that was never predicted has no precision but no NaN either") {
  const auto reports = class_reports({{0, 3}, {0, 0}});
  CHECK(reports[0].precision == 0);
  CHECK(reports[0].f1 == 0);
  CHECK(reports[1].recall == 0);
}

TEST_CASE("a record notes where samples went and what came out") {
  Generator generator(2);
  const auto model =
      build_model({.model = "top-k", .network = "linear-2d", .experts = 4, .k = 2, .classes = 3}, generator);
  const Forward forward =
      model->run(Variable(random_tensor({5, 2}, 1, -1, 1, DType::f32)), {.rule = Rule::top_k, .k = 2}, generator);
  Record record;
  record.append(forward, Tensor::from<int64_t>({0, 1, 2, 0, 1}));
  CHECK(record.size() == 5);
  CHECK(record.experts == 4);
  CHECK(record.classes == 3);
  CHECK(record.evaluated_rows == 10);
  for (size_t b = 0; b < 5; ++b) CHECK(record.expert[b] == forward.routing.experts.values<int64_t>()[2 * b]);
  CHECK_THROWS_AS(record.append(forward, Tensor::from<int64_t>({0})), ShapeError);
}

TEST_CASE("records survive the disk, and damaged ones are refused") {
  const auto path = (std::filesystem::temp_directory_path() / "divvy_record_test.safetensors").string();
  const Record record = example();
  save_record(path, record);
  const Record again = load_record(path);
  CHECK(again.label == record.label);
  CHECK(again.expert_prediction == record.expert_prediction);
  CHECK(again.probabilities == record.probabilities);
  CHECK(again.evaluated_rows == record.evaluated_rows);
  Record bad = record;
  bad.label[1] = 9;
  save_record(path, bad);
  CHECK_THROWS_WITH(load_record(path), Catch::Contains("label 9 is outside [0, 2)"));
  bad = record;
  bad.expert.pop_back();
  save_record(path, bad);
  CHECK_THROWS_AS(load_record(path), CheckpointError);
  std::filesystem::resize_file(path, 20);
  CHECK_THROWS_AS(load_record(path), CheckpointError);
  std::filesystem::remove(path);
}

}  // namespace divvy::test
