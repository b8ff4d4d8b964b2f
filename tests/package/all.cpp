#include <cstdio>

#include "divvy.h"

using namespace divvy;

/// A layer that is saved and loaded by another gives the same.
int main() {
  Generator random(1);
  nn::Linear layer({.in = 3, .out = 2}, random), other({.in = 3, .out = 2}, random);
  nn::save(layer, "layer.safetensors");
  nn::load(other, "layer.safetensors");
  const Variable x(random.normal({4, 3}), true);
  const Variable loss = (layer(x) - other(x)).sum();
  loss.backward();
  std::printf("%g apart\n", loss.value().item());
  return loss.value().item() == 0 && x.grad().to_doubles() == std::vector<double>(12, 0.0) ? 0 : 1;
}
