#include "moe/analysis/record.h"

#include <cmath>
#include <filesystem>
#include <limits>

#include "moe/model/models.h"
#include "tensor/error.h"
#include "tensor/safetensors.h"
#include "tests/moe/record_support.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace divvy::test {

namespace {

using namespace moe;

Variable matrix(const std::vector<float>& values, int64_t cols) {
  return Variable(Tensor::from(values, {static_cast<int64_t>(values.size()) / cols, cols}));
}

/// Three samples, two experts, three classes, evaluated densely.
Forward dense_forward() {
  Forward forward;
  forward.dispatch = Dispatch::dense(3, 2);
  forward.routing.experts = Tensor::from<int64_t>({0, 1, 0, 1, 0, 1}, {3, 2});
  forward.routing.weights = forward.routing.probabilities = matrix({.75f, .25f, .25f, .75f, .5f, .5f}, 2);
  forward.output = matrix({.5f, .25f, .25f, .25f, .25f, .5f, .25f, .5f, .25f}, 3);
  forward.rows = matrix({1, 0, 0, 0, .5f, .5f, 0, 0, 1,  // expert 0
                         0, 1, 0, 1, 0, 0, .5f, .5f, 0},
                        3);  // expert 1
  return forward;
}

/// The same samples with the expert of the greater weight evaluated alone; expert 1 has samples 1 and 2.
Forward sparse_forward() {
  Forward forward = dense_forward();
  forward.routing.experts = Tensor::from<int64_t>({0, 1, 1}, {3, 1});
  forward.routing.weights = matrix({1, 1, 1}, 1);
  forward.dispatch = Dispatch::of(forward.routing.experts, 2);
  forward.rows = matrix({1, 0, 0, 1, 0, 0, .5f, .5f, 0}, 3);
  return forward;
}

std::vector<float> nats(std::initializer_list<double> probabilities) {
  std::vector<float> losses;
  for (double p : probabilities) losses.push_back(static_cast<float>(-std::log(p + 1e-15)));
  return losses;
}

void require_equal(const Record& a, const Record& b) {
  CHECK(a.experts == b.experts);
  CHECK(a.classes == b.classes);
  CHECK(a.evaluated_rows == b.evaluated_rows);
  CHECK(a.label == b.label);
  CHECK(a.expert == b.expert);
  CHECK(a.probabilities == b.probabilities);
  CHECK(a.prediction == b.prediction);
  CHECK(a.label_rank == b.label_rank);
  CHECK(a.loss == b.loss);
  CHECK(a.expert_prediction == b.expert_prediction);
  CHECK(a.expert_loss == b.expert_loss);
  CHECK(a.expert_predictions == b.expert_predictions);
  CHECK(a.expert_losses == b.expert_losses);
  CHECK(a.squared_error == b.squared_error);
  CHECK(a.expert_squared_error == b.expert_squared_error);
  CHECK(a.expert_squared_errors == b.expert_squared_errors);
}

}  // namespace

TEST_CASE("a record notes the outcome of every expert where every expert was evaluated") {
  Record record;
  record.append(dense_forward(), Tensor::from<int64_t>({0, 1, 2}));
  CHECK(record.size() == 3);
  CHECK(record.is_classification());
  CHECK(record.is_dense());
  CHECK(record.experts == 2);
  CHECK(record.classes == 3);
  CHECK(record.evaluated_rows == 6);
  CHECK(record.label == std::vector<int64_t>{0, 1, 2});
  CHECK(record.prediction == std::vector<int64_t>{0, 2, 1});
  // Sample 1 has classes 0 and 2 before label 1: one equal with a smaller index, one greater; likewise sample 2.
  CHECK(record.label_rank == std::vector<int64_t>{0, 2, 2});
  CHECK(record.loss == nats({.5, .25, .25}));
  CHECK(record.expert == std::vector<int64_t>{0, 1, 0});  // the first of equal weights
  CHECK(record.expert_prediction == std::vector<int64_t>{0, 0, 2});
  CHECK(record.expert_loss == nats({1, 0, 1}));
  CHECK(record.expert_predictions == std::vector<int32_t>{0, 1, 1, 0, 2, 0});
  CHECK(record.expert_losses == nats({1, 0, .5, 0, 1, 0}));
  CHECK(record.probabilities == std::vector<float>{.75f, .25f, .25f, .75f, .5f, .5f});
}

TEST_CASE("a record of chosen experts reads their own rows") {
  Record record;
  record.append(sparse_forward(), Tensor::from<int64_t>({0, 0, 1}));
  CHECK(!record.is_dense());
  CHECK(record.evaluated_rows == 3);
  CHECK(record.expert == std::vector<int64_t>{0, 1, 1});
  CHECK(record.expert_prediction == std::vector<int64_t>{0, 0, 0});
  CHECK(record.expert_loss == nats({1, 1, .5}));
  CHECK(record.expert_losses.empty());
}

TEST_CASE("a hard choice over experts that were all evaluated is read from the dense rows") {
  Forward forward = dense_forward();
  forward.routing.experts = Tensor::from<int64_t>({1, 0, 1}, {3, 1});
  forward.routing.weights = matrix({1, 1, 1}, 1);
  Record record;
  record.append(forward, Tensor::from<int64_t>({1, 1, 0}));
  CHECK(record.is_dense());
  CHECK(record.expert == std::vector<int64_t>{1, 0, 1});
  CHECK(record.expert_prediction == std::vector<int64_t>{1, 1, 0});
  CHECK(record.expert_loss == nats({1, .5, .5}));
}

TEST_CASE("columns of the selected expert agree with those of every expert, whatever the rule") {
  for (const Rule rule : {Rule::all, Rule::top_k, Rule::arg_max, Rule::sampled}) {
    Generator generator(6);
    const auto model = build_model({.model = "mixture", .network = "linear-2d", .experts = 4, .classes = 3}, generator);
    const Variable x(random_tensor({40, 2}, 1, -3, 3, DType::f32));
    const Tensor labels = random_indices({40}, 3, 2);
    const RoutingOptions options{.rule = rule, .k = 2};
    RoutingOptions dense = options;
    dense.every_expert = true;
    Generator first(3), second(3);
    Record of_all, of_chosen;
    of_all.append(model->run(x, dense, first), labels);
    of_chosen.append(model->run(x, options, second), labels);
    CAPTURE(rule->name);
    REQUIRE(of_all.is_dense());
    CHECK(of_chosen.is_dense() == (rule == Rule::all));
    for (size_t b = 0; b < 40; ++b) {
      const size_t at = 4 * b + static_cast<size_t>(of_all.expert[b]);
      CHECK(of_all.expert_prediction[b] == of_all.expert_predictions[at]);
      CHECK(of_all.expert_loss[b] == of_all.expert_losses[at]);
      CHECK((of_all.label_rank[b] == 0) == (of_all.prediction[b] == of_all.label[b]));
      CHECK(of_chosen.expert_loss[b] == Approx(of_all.expert_loss[b]));
    }
    CHECK(of_chosen.expert == of_all.expert);
    CHECK(of_chosen.prediction == of_all.prediction);
    CHECK(of_chosen.expert_prediction == of_all.expert_prediction);
    CHECK(of_all.evaluated_rows == 160);
    CHECK(of_chosen.evaluated_rows == 40 * (rule == Rule::all ? 4 : rule->reads_k ? options.k : 1));
  }
}

TEST_CASE("a constant output is not right") {
  Forward forward = dense_forward();
  forward.output = matrix(std::vector<float>(9, 1 / 3.f), 3);
  Record record;
  record.append(forward, Tensor::from<int64_t>({0, 1, 2}));
  CHECK(record.prediction == std::vector<int64_t>{0, 0, 0});
  CHECK(record.label_rank == std::vector<int64_t>{0, 1, 2});
}

TEST_CASE("a sample that no expert took has no expert") {
  Forward forward = sparse_forward();
  forward.routing.experts = Tensor::from<int64_t>({-1, 1, 1}, {3, 1});
  forward.dispatch = Dispatch::of(forward.routing.experts, 2);
  forward.rows = matrix({1, 0, 0, .5f, .5f, 0}, 3);
  Record record;
  record.append(forward, Tensor::from<int64_t>({0, 0, 0}));
  CHECK(record.expert == std::vector<int64_t>{-1, 1, 1});
  CHECK(record.expert_prediction == std::vector<int64_t>{-1, 0, 0});
  CHECK(record.expert_loss[0] == 0);
  CHECK(record.evaluated_rows == 2);
}

TEST_CASE("a record of a regression notes squared errors, and classes where there are any") {
  Forward forward = dense_forward();
  forward.output = matrix({1, 2, 0, 0, -1, 1}, 2);
  forward.rows = matrix({1, 2, 3, 4, 0, 0, 0, 1, 1, 1, 2, 2}, 2);
  const Tensor target = Tensor::from<double>({1, 0, 0, 0, 1, 1}, {3, 2});
  Record record;
  record.append(forward, Tensor::from<int64_t>({0, 1, 1}), target);
  CHECK(record.is_regression());
  CHECK(record.has_labels());
  CHECK(record.classes == 2);
  CHECK(record.squared_error == std::vector<float>{2, 0, 2});
  CHECK(record.expert_squared_errors == std::vector<float>{2, 1, 12.5f, 1, 1, 1});
  CHECK(record.expert_squared_error == std::vector<float>{2, 1, 1});
  CHECK(record.loss.empty());
  CHECK_THROWS_AS(record.append(forward, Tensor(), target), ValueError);  // labels before, none now
  CHECK_THROWS_WITH(record.append(dense_forward(), Tensor::from<int64_t>({0, 0, 0})),
                    Catch::Contains("classification after those of a regression"));

  Record unlabeled;
  unlabeled.append(forward, Tensor(), target);
  unlabeled.append(forward, Tensor(), target);
  CHECK(unlabeled.size() == 6);
  CHECK(!unlabeled.has_labels());
  CHECK(unlabeled.classes == 0);
  CHECK_THROWS_AS(unlabeled.append(forward, Tensor::from<int64_t>({0, 1, 1}), target), ValueError);
}

TEST_CASE("batches without samples leave a record as it is") {
  Forward none;
  none.dispatch = Dispatch::dense(0, 2);
  none.routing.experts = Tensor::empty({0, 2}, DType::i64);
  none.routing.weights = none.routing.probabilities = Variable(Tensor::empty({0, 2}));
  none.output = none.rows = Variable(Tensor::empty({0, 3}));
  Record record;
  record.append(none, Tensor::empty({0}, DType::i64));
  CHECK(record.size() == 0);
  record.append(sparse_forward(), Tensor::from<int64_t>({0, 0, 1}));
  record.append(none, Tensor::empty({0}, DType::i64));
  CHECK(record.size() == 3);
  CHECK(!record.is_dense());
}

TEST_CASE("a record refuses what does not fit and is then as it was") {
  const Tensor labels = Tensor::from<int64_t>({0, 1, 2});
  Record record;
  record.append(dense_forward(), labels);
  const Record before = record;
  CHECK_THROWS_AS(record.append(dense_forward(), Tensor::from<int64_t>({0})), ShapeError);
  CHECK_THROWS_AS(record.append(dense_forward(), Tensor()), ValueError);
  CHECK(refusal<ValueError>([&] {
          record.append(dense_forward(), Tensor::from<int64_t>({0, 3, 1}));
        }) == "record: label 3 is outside [0, 3)");
  CHECK(refusal<ValueError>([&] {
          record.append(sparse_forward(), labels);
        }).find("3 rows for 3 samples and 2 experts after samples that were evaluated by every expert") !=
        std::string::npos);
  CHECK_THROWS_WITH(record.append(dense_forward(), labels, Tensor::zeros({3, 3})),
                    Catch::Contains("regression after those of a classification"));
  Forward wide = dense_forward();
  wide.output = wide.rows = Variable(Tensor::full({6, 4}, 0.25));
  wide.output = Variable(Tensor::full({3, 4}, 0.25));
  CHECK_THROWS_AS(record.append(wide, labels), ShapeError);
  Forward other = dense_forward();
  other.dispatch = Dispatch::dense(3, 1);
  CHECK_THROWS_AS(record.append(other, labels), ShapeError);
  Forward broken = dense_forward();
  broken.output = Variable(Tensor::full({3, 3}, std::numeric_limits<double>::quiet_NaN()));
  CHECK_THROWS_AS(record.append(broken, labels), NonFiniteError);
  for (const auto member : {&Forward::output, &Forward::rows}) {
    for (int64_t at = 0; at < (dense_forward().*member).value().numel(); ++at) {
      Forward spoilt = dense_forward();
      Tensor values = (spoilt.*member).value().clone();
      visit_floating("spoilt", values.dtype(), [&]<class T>() { values.mutable_data<T>()[at] = T(NAN); });
      spoilt.*member = Variable(values);
      INFO("a NaN at " << at);
      CHECK_THROWS_AS(record.append(spoilt, labels), NonFiniteError);
    }
  }
  Forward ungated = dense_forward();
  ungated.routing.probabilities =
      Variable(Tensor::full(ungated.routing.probabilities.shape(), NAN, ungated.routing.probabilities.dtype()));
  CHECK_THROWS_AS(record.append(ungated, labels), NonFiniteError);
  broken.output = Variable(Tensor::full({3, 3}, -0.5));
  CHECK_THROWS_AS(record.append(broken, labels), ValueError);
  require_equal(record, before);

  Record regression;
  CHECK_THROWS_AS(regression.append(dense_forward(), Tensor(), Tensor::zeros({3, 2})), ShapeError);
  CHECK_THROWS_AS(regression.append(broken, Tensor::from<int64_t>({-1, 0, 0}), Tensor::zeros({3, 3})), ValueError);
  Record sparse;
  sparse.append(sparse_forward(), labels);
  CHECK_THROWS_AS(sparse.append(dense_forward(), labels), ValueError);
}

TEST_CASE("records survive the disk") {
  const TemporaryFolder folder;
  const std::string path = folder / "record.safetensors";
  Record labeled, unlabeled;
  Forward regression = dense_forward();
  labeled.append(regression, Tensor::from<int64_t>({0, 1, 2}), Tensor::zeros({3, 3}));
  unlabeled.append(sparse_forward(), Tensor(), Tensor::zeros({3, 3}));
  for (const Record& record : {small_record(), random_record(20, 3, 4, 1, true), labeled, unlabeled}) {
    save_record(path, record);
    require_equal(load_record(path), record);
  }
}

TEST_CASE("damaged records are refused") {
  const TemporaryFolder folder;
  const std::string path = folder / "record.safetensors";
  const Record record = small_record();
  const auto refused = [&](const std::function<void(Record&)>& damage) {
    Record bad = record;
    damage(bad);
    save_record(path, bad);
    return refusal<CheckpointError>([&] { load_record(path); });
  };
  const auto names = [](const std::string& message, const char* what) {
    CAPTURE(message);
    CHECK(message.find(what) != std::string::npos);
  };
  names(refused([](Record& r) { r.label[1] = 9; }), "label 9 is outside [0, 2)");
  names(refused([](Record& r) { r.expert[1] = -2; }), "expert -2 is outside [-1, 2)");
  names(refused([](Record& r) { r.expert_predictions[0] = 2; }), "expert_predictions 2 is outside");
  names(refused([](Record& r) { r.label_rank[0] = 2; }), "label_rank 2 is outside");
  names(refused([](Record& r) { r.expert_prediction.pop_back(); }), "'expert_prediction' has 3 numbers for 4 samples");
  names(refused([](Record& r) { r.probabilities.pop_back(); }), "'probabilities' has 7 numbers");
  names(refused([](Record& r) { r.probabilities.clear(); }), "gate probabilities for 2 experts");
  names(refused([](Record& r) { r.probabilities[0] = 2; }), "a gate probability is 2");
  names(refused([](Record& r) { r.loss[0] = std::numeric_limits<float>::infinity(); }), "'loss' has the value inf");
  names(refused([](Record& r) { r.label_rank.clear(); }), "'label_rank' is missing");
  names(refused([](Record& r) { r.expert_losses.clear(); }), "'expert_predictions' is not expected");
  names(refused([](Record& r) { r.squared_error = r.loss; }), "'prediction' is not expected");
  names(refused([](Record& r) { r.expert.clear(); }), "for 0 samples");
  names(refused([](Record& r) { r.experts = 0; }), "'sizes' is damaged");
  names(refused([](Record& r) { r.experts = INT64_MAX / 2; }), "gate probabilities for");
  SafeTensors other;
  other.tensors["weights"] = Tensor::zeros({3});
  save_safetensors(path, other);
  names(refusal<CheckpointError>([&] { load_record(path); }), "this is no routing record");
  save_record(path, record);
  std::filesystem::resize_file(path, 20);
  CHECK_THROWS_AS(load_record(path), CheckpointError);
}

}  // namespace divvy::test
