#include <fmt/core.h>

#include <cmath>
#include <numbers>

#include "divvy.h"

using namespace divvy;

/// Two spirals in the plane, one turn each (after Lang and Witbrock 1988).
data::Dataset spirals(int64_t points, Generator& random) {
  data::Dataset result;
  result.name = "spirals";
  result.classes = 2;
  result.x = random.normal({points, 2}, 0, 0.02);
  result.y = Tensor::empty({points}, DType::i64);
  float* x = result.x.mutable_data<float>();
  int64_t* y = result.y.mutable_data<int64_t>();
  for (int64_t i = 0; i < points; ++i) {
    const double along = static_cast<double>(i) / static_cast<double>(points), angle = 2 * std::numbers::pi * along;
    const double side = i % 2 == 0 ? 1 : -1;
    x[2 * i] += static_cast<float>(side * along * std::cos(angle));
    x[2 * i + 1] += static_cast<float>(side * along * std::sin(angle));
    y[i] = i % 2;
  }
  return result;
}

int main() {
  data::catalog().add({.name = "spirals",
                       .description = "two spirals in the plane, one turn each",
                       .sample = "2",
                       .classes = 2,
                       .sizes = {600, 200, 200},
                       .load = [](const data::LoadOptions& options) {
                         Generator random(options.seed);
                         data::Splits parts;
                         parts.train = spirals(600, random);
                         parts.validation = spirals(200, random);
                         parts.test = spirals(200, random);
                         for (const data::Dataset* part : {&parts.train, &parts.validation, &parts.test}) {
                           data::check(*part, "spirals");
                         }
                         return parts;
                       }});

  const data::Splits parts = data::load("spirals", {.seed = 6});
  Generator random(6);
  const moe::ModelOptions options{.model = "mixture", .network = "hidden-2d", .experts = 4, .classes = 2};
  const auto model = moe::build_model(options, random);
  moe::train(*model, moe::joint(moe::routing_of(options, true), {}, {.learning_rate = 0.02}, 60), parts, {.batch = 50});
  const moe::Record test = moe::evaluate(*model, parts.test, {.evaluation = moe::routing_of(options, false)});
  fmt::print("{} points, {:.1f} % right\n", test.size(), 100 * moe::accuracy(test));
  return moe::accuracy(test) > 0.8 ? 0 : 1;
}
