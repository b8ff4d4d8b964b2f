#include <cmath>
#include <cstdio>

#include "autograd/ops/softmax.h"
#include "autograd/variable.h"

/// Two rows of scores, their softmax and the gradient of the first probability of each row.
int main() {
  const divvy::Variable scores(divvy::Tensor::from({0.0, 0.0, std::log(3.0), 0.0}, {2, 2}), true);
  const divvy::Variable probabilities = divvy::softmax(scores);
  divvy::backward(probabilities, divvy::Tensor::from({1.0, 0.0, 1.0, 0.0}, {2, 2}));
  const auto p = probabilities.value().values<double>();
  const auto dx = scores.grad().values<double>();
  std::printf("softmax %g %g / %g %g, gradient %g %g / %g %g\n", p[0], p[1], p[2], p[3], dx[0], dx[1], dx[2], dx[3]);
  // p = 1/2 and 3/4; dp/dx = p (1 - p).
  const double expected[] = {0.25, -0.25, 0.1875, -0.1875};
  for (size_t i = 0; i < 4; ++i) {
    if (std::abs(dx[i] - expected[i]) > 1e-12) return 1;
  }
  return 0;
}
