#pragma once

#include <cmath>

#include "moe/analysis/record.h"

namespace divvy::test {

/// A random record of a classification with columns that agree with each other: the output is the probability-weighted
/// mean of the experts' probabilities, and `expert` the one with the greatest probability. Where `sparse`, the columns
/// of every expert are left out. About one class in three never occurs.
inline moe::Record random_record(int64_t samples, int64_t experts, int64_t classes, uint64_t seed,
                                 bool sparse = false) {
  Generator random(seed);
  const auto shares = [&](int64_t n) {
    std::vector<double> values;
    double total = 0;
    for (int64_t i = 0; i < n; ++i) total += values.emplace_back(std::pow(random.uniform(), 3) + 1e-3);
    for (double& value : values) value /= total;
    return values;
  };
  const auto top = [](const std::vector<double>& values) {
    size_t best = 0;
    for (size_t i = 1; i < values.size(); ++i) best = values[i] > values[best] ? i : best;
    return static_cast<int64_t>(best);
  };
  moe::Record record;
  record.experts = experts;
  record.classes = classes;
  record.evaluated_rows = sparse ? samples : samples * experts;
  for (int64_t b = 0; b < samples; ++b) {
    const int64_t label = random.integer(std::max<int64_t>(1, classes * 2 / 3));
    const auto y = static_cast<size_t>(label);
    const auto gate = shares(experts);
    std::vector<double> output(static_cast<size_t>(classes), 0);
    for (int64_t e = 0; e < experts; ++e) {
      const auto own = shares(classes);
      for (size_t c = 0; c < own.size(); ++c) output[c] += gate[static_cast<size_t>(e)] * own[c];
      record.probabilities.push_back(static_cast<float>(gate[static_cast<size_t>(e)]));
      const auto loss = static_cast<float>(-std::log(own[y] + 1e-15));
      if (!sparse) record.expert_predictions.push_back(static_cast<int32_t>(top(own)));
      if (!sparse) record.expert_losses.push_back(loss);
      if (e == top(gate)) record.expert_prediction.push_back(top(own));
      if (e == top(gate)) record.expert_loss.push_back(loss);
    }
    int64_t rank = 0;
    for (size_t c = 0; c < output.size(); ++c) rank += output[c] > output[y] || (output[c] == output[y] && c < y);
    record.label.push_back(label);
    record.label_rank.push_back(rank);
    record.prediction.push_back(top(output));
    record.loss.push_back(static_cast<float>(-std::log(output[y] + 1e-15)));
    record.expert.push_back(top(gate));
  }
  return record;
}

/// Four samples, two experts, two classes; expert 0 takes class 0, expert 1 takes class 1, and one prediction is wrong.
/// The experts are sure of what they say: the probability of the label is 0.5 where they are right and 0.25 where not.
inline moe::Record small_record() {
  const auto half = static_cast<float>(std::log(2.0)), quarter = static_cast<float>(std::log(4.0));
  moe::Record record;
  record.experts = record.classes = 2;
  record.label = {0, 0, 1, 1};
  record.prediction = {0, 0, 1, 0};
  record.label_rank = {0, 0, 0, 1};
  record.loss = {half, half, half, quarter};
  record.expert = {0, 0, 1, 1};
  record.expert_prediction = {0, 0, 1, 0};
  record.expert_loss = record.loss;
  record.probabilities = {1, 0, .5f, .5f, 0, 1, .25f, .75f};
  record.expert_predictions = {0, 1, 0, 0, 0, 1, 1, 0};
  record.expert_losses = {half, quarter, half, half, quarter, half, half, quarter};
  record.evaluated_rows = 8;
  return record;
}

}  // namespace divvy::test
