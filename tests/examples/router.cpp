#include <fmt/core.h>
#include <fmt/ranges.h>

#include "divvy.h"

using namespace divvy;

/// Each sample, in the order of the batch, goes to the expert with the highest score among those that are not full: a
/// greedy form of the balanced assignment of Lewis et al. (2021, BASE layers). Gives the experts i64 [B, 1].
Tensor balanced(const moe::RuleInputs& in) {
  const Tensor scores = in.scores.value().to(Device::cpu());
  const int64_t batch = scores.size(0), experts = scores.size(1), capacity = (batch + experts - 1) / experts;
  std::vector<int64_t> chosen, load(static_cast<size_t>(experts));
  for (int64_t b = 0; b < batch; ++b) {
    const std::vector<double> row = scores[b].to_doubles();
    size_t best = row.size();
    for (size_t e = 0; e < row.size(); ++e) {
      if (load[e] < capacity && (best == row.size() || row[e] > row[best])) best = e;
    }
    ++load[best];
    chosen.push_back(static_cast<int64_t>(best));
  }
  return Tensor::from(chosen, {batch, 1}).to(in.scores.device());
}

/// The probability of the chosen expert is its weight, so that the gate learns.
constexpr moe::RuleKind kBalanced{.name = "balanced",
                                  .choose = balanced,
                                  .weighting = moe::Weighting::probability,
                                  .obstacle = "the host fills the experts"};

int main() {
  // One row makes it a model that `divvy train --model balanced` knows, in a program that links divvy's.
  moe::models().add({.name = "balanced",
                     .summary = "one expert a sample, all with equal loads",
                     .gated = true,
                     .training = {.rule = kBalanced},
                     .evaluation = {.rule = moe::Rule::arg_max}});

  Generator random(2);
  const moe::ModelOptions options{.model = "balanced", .network = "hidden-2d", .experts = 4, .classes = 2};
  const auto model = moe::build_model(options, random);
  const data::Splits board = data::load("checker_board-1");
  moe::train(*model, moe::joint(moe::routing_of(options, true), {}, {.learning_rate = 0.01}, 5), board, {.batch = 32});

  const Variable batch(board.test.x.slice(0, 32));
  const moe::Forward forward = model->run(batch, moe::routing_of(options, true), random);
  std::vector<int64_t> load(4);
  for (int64_t e : forward.routing.experts.values<int64_t>()) ++load[static_cast<size_t>(e)];
  fmt::print("samples of each expert: {}\n", fmt::join(load, " "));
  return load == std::vector<int64_t>{8, 8, 8, 8} ? 0 : 1;
}
