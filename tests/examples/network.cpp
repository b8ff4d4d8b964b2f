#include <fmt/core.h>

#include "divvy.h"

using namespace divvy;

int main() {
  // The networks of experts and gate for samples of one shape, by a name that `divvy train --net` would take.
  moe::networks().add({.name = "plane-wide",
                       .summary = "2; experts of two hidden layers of 12, a gate of one of 16",
                       .sample = {2},
                       .expert = {.hidden = {12, 12}},
                       .gate = {.hidden = {16}}});

  Generator random(5);
  const moe::ModelOptions options{.model = "mixture", .network = "plane-wide", .experts = 3, .classes = 2};
  const auto model = moe::build_model(options, random);
  fmt::print("{}", model->summary());

  // 3 experts of 2-12-12-2 and a gate of 2-16-3, with biases.
  const int64_t expert = 2 * 12 + 12 + 12 * 12 + 12 + 12 * 2 + 2, gate = 2 * 16 + 16 + 16 * 3 + 3;
  return model->parameter_count() == 3 * expert + gate ? 0 : 1;
}
