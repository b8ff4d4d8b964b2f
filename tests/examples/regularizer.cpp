#include <fmt/core.h>

#include "divvy.h"

using namespace divvy;

/// The mean over samples of (ln sum_e exp(score_e))^2, the z-loss of Zoph et al. (2022, ST-MoE), which keeps the scores
/// of a gate near zero. scores: [B, E].
Variable z_loss(const Variable& scores) { return mean(square(logsumexp(scores, {1}))); }

int main() {
  // The row is all of it: `divvy train` would have --z-loss, its help and a column of results.
  moe::regularizers().add({.name = "z_loss",
                           .summary = "mean square of the scores' log-sum-exp (Zoph et al. 2022)",
                           .help = "weight of the z-loss, which keeps the scores of a gate near zero",
                           .of = moe::RegularizerKind::Of::gate,
                           .value = [](const moe::TermInputs& in) { return z_loss(in.forward().routing.scores); }});

  const data::Splits board = data::load("checker_board-1");
  const auto learned_z = [&](double weight) {
    Generator random(3);
    const moe::ModelOptions options{.model = "mixture", .network = "hidden-2d", .experts = 4, .classes = 2};
    const auto model = moe::build_model(options, random);
    const moe::Objective objective{.regularizers = {{"z_loss", weight}}};
    moe::train(*model, moe::joint(moe::routing_of(options, true), objective, {.learning_rate = 0.01}, 10), board,
               {.batch = 32});
    const moe::Forward forward = model->run(Variable(board.test.x), moe::routing_of(options, false), random);
    return z_loss(forward.routing.scores).value().item();
  };
  const double without = learned_z(0), with = learned_z(0.1);
  fmt::print("z-loss after training: {:.3f}, and {:.3f} where it is part of the objective\n", without, with);
  return with < without ? 0 : 1;
}
