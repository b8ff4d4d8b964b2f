#include <fmt/core.h>

#include "divvy.h"

using namespace divvy;

/// y = 1 / (1 + x^2), the inverse quadratic, with dy/dx = -2 x y^2.
Variable inverse_quadratic(const Variable& x) {
  const Tensor y = 1 / (1 + x.value() * x.value());
  return record("inverse_quadratic", y, {x}, [x = Saved(x), y = Saved(y)](const Tensor& dy, Gradients& dx) {
    dx[0] = -2 * dy * x.get() * y.get() * y.get();
  });
}

int main() {
  const Variable x(Tensor::arange(1, 4, 1, DType::f64), true);
  const Variable loss = inverse_quadratic(x).mean();
  loss.backward();
  fmt::print("loss {:.3f}, its gradient {:.3f}\n", loss.value().item(), fmt::join(x.grad().to_doubles(), ", "));

  // Is the rule right? Every derivative is compared with central differences.
  const auto report = gradcheck([&] { return inverse_quadratic(x); }, {x});
  fmt::print("{}", report.text);
  return report ? 0 : 1;
}
