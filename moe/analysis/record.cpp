#include "moe/analysis/record.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "tensor/error.h"

namespace divvy::moe {

namespace {

/// The rows of a floating-point tensor [rows, cols] of any device.
class Matrix {
 public:
  explicit Matrix(const Tensor& tensor) : values_(tensor.to_doubles()), cols_(tensor.shape().cols()) {}
  std::span<const double> row(int64_t r) const { return {values_.data() + r * cols_, static_cast<size_t>(cols_)}; }
  const std::vector<double>& values() const { return values_; }

 private:
  std::vector<double> values_;
  int64_t cols_;
};

void require_numbers(const Matrix& values, const char* of) {
  if (std::ranges::any_of(values.values(), [](double value) { return !std::isfinite(value); })) {
    throw NonFiniteError("probability", of);
  }
}

int64_t arg_max(std::span<const double> values) { return std::ranges::max_element(values) - values.begin(); }

int64_t rank_of(std::span<const double> values, int64_t label) {
  const double mine = values[static_cast<size_t>(label)];
  int64_t before = 0;
  for (int64_t c = 0; c < std::ssize(values); ++c) {
    const double other = values[static_cast<size_t>(c)];
    before += other > mine || (other == mine && c < label);
  }
  return before;
}

float loss_nats(std::span<const double> probabilities, int64_t label) {
  const double p = probabilities[static_cast<size_t>(label)];
  if (p < 0) fail<ValueError>("record: the probability of class {} is {}, which is negative", label, p);
  return static_cast<float>(-std::log(p + 1e-15));
}

float mean_square(std::span<const double> output, std::span<const double> target) {
  double sum = 0;
  for (size_t d = 0; d < target.size(); ++d) sum += (output[d] - target[d]) * (output[d] - target[d]);
  if (!std::isfinite(sum)) throw NonFiniteError("output", "an evaluation");
  return static_cast<float>(sum / static_cast<double>(std::max<size_t>(target.size(), 1)));
}

bool is_dense(const Forward& forward) {
  return forward.dispatch.rows() == forward.output.size(0) * forward.dispatch.experts();
}

/// The expert with the greatest weight for a sample and the row of its own output; -1 if there is none.
struct Choice {
  int64_t expert = -1, row = -1;
};

std::vector<Choice> choices(const Forward& forward) {
  const int64_t samples = forward.output.size(0), k = forward.routing.experts.size(1);
  const bool dense = is_dense(forward);
  if (!dense && forward.dispatch.position.shape() != forward.routing.experts.shape()) {
    fail<ShapeError>("record: positions {} for the choices {}", forward.dispatch.position.shape(),
                     forward.routing.experts.shape());
  }
  const Tensor experts = forward.routing.experts.to(Device::cpu()), rows = forward.dispatch.position.to(Device::cpu());
  const auto chosen = experts.values<int64_t>(), position = rows.values<int64_t>();
  const Matrix weights(forward.routing.weights.value());
  std::vector<Choice> result(static_cast<size_t>(samples));
  if (forward.routing.undivided) return result;
  for (int64_t b = 0; b < samples; ++b) {
    Choice& best = result[static_cast<size_t>(b)];
    double most = 0;
    for (int64_t j = 0; j < k; ++j) {
      const int64_t expert = chosen[static_cast<size_t>(b * k + j)];
      const double weight = weights.row(b)[static_cast<size_t>(j)];
      if (expert < 0 || (best.expert >= 0 && weight <= most)) continue;
      most = weight;
      best = {expert, dense ? expert * samples + b : position[static_cast<size_t>(b * k + j)]};
    }
  }
  return result;
}

void require_sizes(const Record& record, const Forward& forward, const Tensor& labels) {
  const int64_t samples = forward.output.size(0);
  if (labels.defined() && labels.shape() != Shape{samples}) {
    fail<ShapeError>("record: {} labels for {} samples", labels.shape(), samples);
  }
  const Shape probabilities{samples, forward.dispatch.experts()};
  if (forward.routing.probabilities.shape() != probabilities) {
    fail<ShapeError>("record: gate probabilities {}, expected {}", forward.routing.probabilities.shape(),
                     probabilities);
  }
  if (record.size() == 0) return;
  if (forward.dispatch.experts() != record.experts) {
    fail<ShapeError>("record: {} experts after {}", forward.dispatch.experts(), record.experts);
  }
  if (samples > 0 && is_dense(forward) != record.is_dense()) {
    fail<ValueError>("record: {} rows for {} samples and {} experts after samples that were {}",
                     forward.dispatch.rows(), samples, record.experts,
                     record.is_dense() ? "evaluated by every expert" : "not evaluated by every expert");
  }
}

/// Appends to the columns that both kinds of record have.
void append_routing(Record& record, const Forward& forward, std::span<const Choice> chosen) {
  record.experts = forward.dispatch.experts();
  record.evaluated_rows += forward.dispatch.rows();
  for (const Choice& choice : chosen) record.expert.push_back(choice.expert);
  for (double p : forward.routing.probabilities.value().to_doubles()) {
    record.probabilities.push_back(static_cast<float>(p));
  }
}

/// The labels on the CPU, after a check that each is in [0, classes).
Tensor checked_labels(const Tensor& labels, int64_t classes) {
  Tensor result = labels.to(Device::cpu());
  for (int64_t label : result.values<int64_t>()) {
    if (label < 0 || label >= classes) fail<ValueError>("record: label {} is outside [0, {})", label, classes);
  }
  return result;
}

template <class T>
void extend(std::vector<T>& column, const std::vector<T>& more) {
  column.insert(column.end(), more.begin(), more.end());
}

}  // namespace

bool Record::is_divided() const {
  return std::ranges::any_of(expert, [](int64_t e) { return e >= 0; });
}

void Record::append(const Forward& forward, const Tensor& labels) {
  if (!labels.defined()) fail<ValueError>("record: a classification has labels, got none");
  require_sizes(*this, forward, labels);
  require_numbers(Matrix(forward.routing.probabilities.value()), "the gate of an evaluation");
  const int64_t samples = forward.output.size(0), now_classes = forward.output.shape().cols();
  if (is_regression()) fail<ValueError>("record: samples of a classification after those of a regression");
  if (size() > 0 && now_classes != classes) fail<ShapeError>("record: {} classes after {}", now_classes, classes);
  const Tensor known = checked_labels(labels, now_classes);
  const auto label_of = known.values<int64_t>();
  const auto chosen = choices(forward);
  const Matrix output(forward.output.value()), rows(forward.rows.value());
  require_numbers(output, "the output of an evaluation");
  require_numbers(rows, "the experts' outputs of an evaluation");

  Record batch;  // appended to this record once nothing can fail any more
  for (int64_t b = 0; b < samples; ++b) {
    const int64_t y = label_of[static_cast<size_t>(b)];
    const Choice& choice = chosen[static_cast<size_t>(b)];
    batch.label.push_back(y);
    batch.prediction.push_back(arg_max(output.row(b)));
    batch.label_rank.push_back(rank_of(output.row(b), y));
    batch.loss.push_back(loss_nats(output.row(b), y));
    batch.expert_prediction.push_back(choice.row < 0 ? -1 : arg_max(rows.row(choice.row)));
    batch.expert_loss.push_back(choice.row < 0 ? 0 : loss_nats(rows.row(choice.row), y));
    for (int64_t e = 0; moe::is_dense(forward) && e < forward.dispatch.experts(); ++e) {
      const auto row = rows.row(e * samples + b);
      batch.expert_predictions.push_back(static_cast<int32_t>(arg_max(row)));
      batch.expert_losses.push_back(loss_nats(row, y));
    }
  }
  classes = now_classes;
  append_routing(*this, forward, chosen);
  extend(label, batch.label);
  extend(prediction, batch.prediction);
  extend(label_rank, batch.label_rank);
  extend(loss, batch.loss);
  extend(expert_prediction, batch.expert_prediction);
  extend(expert_loss, batch.expert_loss);
  extend(expert_predictions, batch.expert_predictions);
  extend(expert_losses, batch.expert_losses);
}

void Record::append(const Forward& forward, const Tensor& labels, const Tensor& target) {
  require_sizes(*this, forward, labels);
  require_numbers(Matrix(forward.routing.probabilities.value()), "the gate of an evaluation");
  const int64_t samples = forward.output.size(0);
  if (is_classification()) fail<ValueError>("record: samples of a regression after those of a classification");
  if (target.shape() != forward.output.shape()) {
    fail<ShapeError>("record: target {} for the output {}", target.shape(), forward.output.shape());
  }
  if (size() > 0 && samples > 0 && labels.defined() != has_labels()) {
    fail<ValueError>("record: samples {} labels after others {}", labels.defined() ? "with" : "without",
                     has_labels() ? "with" : "without");
  }
  const Tensor known = labels.defined() ? checked_labels(labels, INT64_MAX) : Tensor::empty({0}, DType::i64);
  const auto chosen = choices(forward);
  const Matrix output(forward.output.value()), rows(forward.rows.value()), wanted(target);

  Record batch;
  for (int64_t b = 0; b < samples; ++b) {
    const Choice& choice = chosen[static_cast<size_t>(b)];
    batch.squared_error.push_back(mean_square(output.row(b), wanted.row(b)));
    batch.expert_squared_error.push_back(choice.row < 0 ? 0 : mean_square(rows.row(choice.row), wanted.row(b)));
    for (int64_t e = 0; moe::is_dense(forward) && e < forward.dispatch.experts(); ++e) {
      batch.expert_squared_errors.push_back(mean_square(rows.row(e * samples + b), wanted.row(b)));
    }
  }
  append_routing(*this, forward, chosen);
  for (int64_t y : known.values<int64_t>()) {
    label.push_back(y);
    classes = std::max(classes, y + 1);
  }
  extend(squared_error, batch.squared_error);
  extend(expert_squared_error, batch.expert_squared_error);
  extend(expert_squared_errors, batch.expert_squared_errors);
}

}  // namespace divvy::moe
