#include <fmt/core.h>

#include "divvy.h"

using namespace divvy;

int main() {
  // A method of training is data: stages that say what learns, how samples are routed, and for how long. Here every
  // expert answers for all samples at first, and two of them once the gate knows them.
  moe::recipes().add({.name = "dense-then-sparse",
                      .summary = "a soft mixture first, then the model's own routing",
                      .stages = [](const moe::Method& method) {
                        moe::Stage dense{.name = "dense",
                                         .optimizer = method.optimizer,
                                         .objective = method.objective,
                                         .epochs = method.first_epochs};
                        moe::Stage sparse = dense;
                        sparse.name = "sparse";
                        sparse.routing = moe::routing_of(method.model, true);
                        sparse.epochs = method.epochs;
                        return std::vector{dense, sparse};
                      }});

  Generator random(4);
  const moe::ModelOptions options{.model = "top-k", .network = "hidden-2d", .experts = 4, .k = 2, .classes = 2};
  const auto model = moe::build_model(options, random);
  const moe::Recipe recipe = moe::make_recipe(
      "dense-then-sparse", {.model = options, .optimizer = {.learning_rate = 0.01}, .epochs = 20, .first_epochs = 10});
  const data::Splits board = data::load("checker_board-1");
  moe::train(*model, recipe, board, {.batch = 32});

  const moe::Record test = moe::evaluate(*model, board.test, {.evaluation = moe::routing_of(options, false)});
  fmt::print("{} epochs in {} stages: {:.1f} % right\n", recipe.epochs(), recipe.stages.size(),
             100 * moe::accuracy(test));
  return moe::accuracy(test) > 0.8 ? 0 : 1;
}
