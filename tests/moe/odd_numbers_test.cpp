#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "autograd/ops/reshape.h"
#include "autograd/ops/slice.h"
#include "moe/analysis/metric_table.h"
#include "moe/analysis/mutual_information.h"
#include "moe/analysis/statistics.h"
#include "moe/model/dispatch.h"
#include "moe/training/likelihood.h"
#include "moe/training/losses.h"
#include "moe/training/regularizers.h"
#include "nn/loss.h"
#include "tensor/error.h"
#include "tests/moe/record_support.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

/// Probabilities that are uniform, or of one expert alone.
Variable gate_of(const Shape& shape, bool sure, DType dtype) {
  Tensor p = Tensor::zeros(shape, DType::f64);
  for (int64_t i = 0; i < p.numel(); ++i) {
    const bool first = i % shape[1] == 0;
    p.mutable_data<double>()[i] = sure ? static_cast<double>(first) : 1 / static_cast<double>(shape[1]);
  }
  return Variable(converted(p, dtype), true);
}

bool is_finite(const Tensor& t) {
  const auto values = t.to_doubles();
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

/// A forward result of experts that give uniform probabilities of classes, all for every sample.
struct Case {
  Variable rows;
  Routing routing;
  Dispatch dispatch;
  Supervision known;

  Case(int64_t samples, int64_t experts, bool sure, DType dtype)
      : rows(gate_of({samples * experts, 3}, sure, dtype)), dispatch(Dispatch::dense(samples, experts)) {
    routing.probabilities = routing.weights = gate_of({samples, experts}, sure, dtype);
    routing.experts = Tensor::zeros({samples, experts}, DType::i64);
    for (int64_t i = 0; i < samples * experts; ++i) {
      routing.experts.mutable_data<int64_t>()[i] = i % std::max<int64_t>(experts, 1);
    }
    known.labels = Tensor::full({samples}, 2, DType::i64);  // of probability 0 where the experts are sure
    known.responsibilities = routing.probabilities.value();
  }
};

}  // namespace

TEST_CASE("every regularizer is finite at its edges, and so is its gradient") {
  using Function = std::function<Variable(const Variable& p)>;
  const std::map<std::string, Function> functions{
      {"importance", [](const Variable& p) { return importance_loss(p); }},
      {"class_balance", [](const Variable& p) { return class_balance_loss(p); }},
      {"orthogonality",
       [](const Variable& p) {
         return orthogonality_loss(reshape(p, {p.size(1), p.size(0), 1}));
       }},
      {"ideal_gate", [](const Variable& p) { return ideal_gate_loss(p, p.detach()); }},
      {"gate_regression",
       [](const Variable& p) { return gate_regression_loss(p, Variable(Tensor::zeros_like(p.value()))); }},
      {"similarity_same",
       [](const Variable& p) {
         return sample_similarity(p, Tensor::zeros({p.size(0), p.size(0)}, p.dtype())).same;
       }},
      {"similarity_different", [](const Variable& p) {
         return sample_similarity(p, Tensor::zeros({p.size(0), p.size(0)}, p.dtype())).different;
       }}};
  for (const RegularizerKind& kind : regularizers()) {
    INFO(kind.name << " is new: add its function here");
    CHECK(functions.contains(kind.name));
  }
  for (const auto& [name, function] : functions) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      for (const Shape& shape : {Shape{0, 4}, Shape{0, 1}, Shape{1, 1}, Shape{1, 4}, Shape{5, 1}, Shape{64, 8}}) {
        for (const bool sure : {false, true}) {
          INFO(fmt::format("{} of {} {}{}", name, dtype, shape, sure ? ", sure" : ""));
          const Variable p = gate_of(shape, sure, dtype);
          const Variable loss = function(p);
          CHECK(is_finite(loss.value()));
          if (shape[0] == 0) CHECK(loss.value().item() == 0);
          if (name == "importance" && !sure) CHECK(std::abs(loss.value().item()) < 1e-12);
          if (!loss.requires_grad()) continue;
          backward(loss);
          if (p.grad().defined()) CHECK(is_finite(p.grad()));
        }
      }
    }
  }
}

TEST_CASE("every loss refuses an empty batch and is finite for labels of probability 0") {
  using Function = std::function<Variable(const Case& c)>;
  const std::map<std::string, Function> functions{
      {"cross-entropy",
       [](const Case& c) {
         const int64_t samples = c.dispatch.samples;
         return nn::cross_entropy_from_probabilities(slice(c.rows, 0, samples), c.known.labels);
       }},
      {"likelihood", [](const Case& c) { return mixture_likelihood_loss(c.rows, c.routing, c.dispatch, c.known); }},
      {"mse", [](const Case& c) { return nn::mse(c.rows, Variable(Tensor::zeros_like(c.rows.value()))); }},
      {"responsibility", [](const Case& c) { return responsibility_loss(c.rows, c.routing, c.dispatch, c.known); }}};
  for (const LossKind& kind : losses()) {
    INFO(kind.name << " is new: add its function here");
    CHECK(functions.contains(std::string(kind.name)));
  }
  for (const auto& [name, function] : functions) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      INFO(fmt::format("{} of {}", name, dtype));
      CHECK_THROWS_AS(function(Case(0, 3, false, dtype)), ValueError);
      for (const bool sure : {false, true}) {
        for (const auto& [samples, experts] : {std::pair<int64_t, int64_t>{1, 1}, {1, 3}, {5, 1}, {6, 4}}) {
          const Case c(samples, experts, sure, dtype);
          const Variable loss = function(c);
          CHECK(is_finite(loss.value()));
          backward(loss);
          CHECK(is_finite(c.rows.grad()));
        }
      }
    }
  }
}

TEST_CASE("every metric of a record that it applies to is finite") {
  std::vector<Record> records{small_record(),
                              random_record(1, 1, 1, 1),
                              random_record(1, 4, 3, 2),
                              random_record(1, 4, 3, 3, true),
                              random_record(30, 1, 5, 4),
                              random_record(30, 5, 1, 5, true),
                              random_record(40, 6, 4, 6)};
  // All samples alike; probabilities of 0, of denormals and of 1.
  Record alike = small_record();
  alike.label = alike.prediction = alike.expert = alike.expert_prediction = alike.label_rank = {0, 0, 0, 0};
  alike.probabilities = {1, 0, 1, 0, 1, 0, 1, 0};
  records.push_back(alike);
  const float tiny = std::numeric_limits<float>::denorm_min();
  alike.probabilities = {1, tiny, 1, tiny, 1, 0, 1, tiny};
  records.push_back(alike);
  alike.expert = {-1, -1, -1, -1};
  records.push_back(alike);
  for (const Metric& metric : metrics()) {
    for (size_t i = 0; i < records.size(); ++i) {
      INFO(metric.name << " of record " << i);
      if (metric.told(records[i])) CHECK(std::isfinite(metric.value(records[i])));
    }
    INFO(metric.name << " of no samples");
    if (metric.told(Record()) && metric.name != "samples") CHECK_THROWS_AS(metric.value(Record()), ValueError);
  }
}

TEST_CASE("entropies and summaries of odd numbers") {
  constexpr double kMost = std::numeric_limits<double>::max(), kTiny = std::numeric_limits<double>::denorm_min();
  CHECK(entropy_bits({kMost, kMost}) == Approx(1));
  CHECK(entropy_bits({kMost, kMost, kMost, kMost}) == Approx(2));
  CHECK(entropy_bits({kTiny, kTiny}) == Approx(1));
  CHECK(entropy_bits({kTiny, kMost}) == 0);
  CHECK(entropy_bits({1e-13, 1e-13, 0}) == Approx(1));
  CHECK(entropy_bits({}) == 0);
  for (const double bad : {-kTiny, std::nan(""), std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_AS(entropy_bits({1, bad}), ValueError);
    if (!std::isfinite(bad)) CHECK_THROWS_AS(summarize({1, bad}), ValueError);
  }
  CHECK_THROWS_AS(summarize({}), ValueError);
  CHECK(summarize({kMost, kMost}).mean == kMost);
  CHECK(summarize({kMost, kMost}).sd == 0.0);
  CHECK(summarize({kMost, kMost / 2}).mean == kMost * 0.75);
  const double far = 1e9, next = std::nextafter(far, kMost);
  CHECK(*summarize({far, next}).sd == Approx((next - far) / std::sqrt(2.0)).epsilon(1e-9));
  CHECK(*summarize({1e-13, 3e-13}).sd == Approx(std::sqrt(2.0) * 1e-13).epsilon(1e-9));
  CHECK(*summarize({0.1, 0.1, 0.1}).sd < 1e-17);
  CHECK(!summarize({3}).sd.has_value());
}

}  // namespace divvy::test
