#include <fmt/core.h>

#include "divvy.h"

using namespace divvy;

/// A layer of one's own: half of it decides how much of the other half gets through.
struct GatedLinear : nn::Module {
  std::shared_ptr<nn::Linear> value, gate;
  GatedLinear(const nn::LinearOptions& options, Generator& random)
      : value(register_module("value", std::make_shared<nn::Linear>(options, random))),
        gate(register_module("gate", std::make_shared<nn::Linear>(options, random))) {}
  nn::Rows forward(const nn::Rows& x) override { return value->forward(x) * sigmoid(gate->forward(x)); }
};

int main() {
  // Four experts made of it, each layer one operation for all four, and a gate that sends a point to two of them.
  Generator random(42);
  auto experts =
      nn::sequential(std::make_shared<GatedLinear>(nn::LinearOptions{.in = 2, .out = 16, .experts = 4}, random),
                     std::make_shared<nn::Linear>(nn::LinearOptions{.in = 16, .out = 2, .experts = 4}, random),
                     std::make_shared<nn::Softmax>());
  auto gate = std::make_shared<nn::Linear>(nn::LinearOptions{.in = 2, .out = 4}, random);
  moe::Model model(gate, experts, 4);
  const moe::RoutingOptions top_2{.rule = moe::Rule::top_k, .k = 2};
  const data::Splits board = data::load("checker_board-1");
  moe::train(model, moe::joint(top_2, {.regularizers = {{"importance", 0.1}}}, {.learning_rate = 0.01}, 30), board,
             {.batch = 32});

  const moe::Record test = moe::evaluate(model, board.test, {.evaluation = top_2});
  fmt::print("{:.1f} % of {} points right, with 2 of 4 experts evaluated; I(expert; label) {:.2f} bits\n",
             100 * moe::accuracy(test), test.size(), moe::mutual_information_label_bits(test));
  return moe::accuracy(test) > 0.9 ? 0 : 1;
}
