#include "autograd/ops/clamp.h"

#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tests/support/devices.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

Tensor naive_clamp(const Tensor& x, double low, double high) {
  Tensor y = Tensor::empty_like(x);
  for (int64_t i = 0; i < x.numel(); ++i) {
    double v = x.data<double>()[i];
    if (v < low) v = low;
    if (v > high) v = high;
    y.mutable_data<double>()[i] = v;
  }
  return y;
}

}  // namespace

TEST_CASE("clamp", "[op]") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  OpCase result;
  const Shape shapes[] = {{}, {0}, {1}, {3}, {37}, {4, 5}, {2, 0, 4}, {2, 3, 4}, {33000}};
  uint64_t seed = 1;
  for (const Shape& shape : shapes) {
    // Multiples of 0.01 are the inputs, so that none is near a limit.
    for (const auto& limits : {std::pair(-0.105, 0.075), {-kInfinity, 0.025}, {0.035, kInfinity}, {0.015, 0.015}}) {
      const double low = limits.first, high = limits.second;  // clang 14 captures no structured bindings
      result.samples.push_back({fmt::format("{} to [{}, {}]", shape, low, high),
                                {distinct_tensor(shape, seed++)},
                                [=](const auto& in) { return clamp(in[0], low, high); },
                                [=](const auto& in) { return naive_clamp(in[0], low, high); }});
    }
  }
  const Variable x(Tensor::zeros({2, 3}));
  result.errors = {
      refuses<ValueError>(
          "crossed limits", [=] { clamp(x, 1, 0.5); }, "low 1 and high 0.5"),
      refuses<ValueError>(
          "a NaN limit", [=] { clamp(x, std::nan(""), 1); }, "low nan"),
      refuses<DTypeError>(
          "integers", [=] { clamp(Variable(Tensor::zeros({2}, DType::i32)), 0, 1); }, "got i32"),
      refuses<ValueError>(
          "no variable", [=] { clamp(Variable(), 0, 1); }, "undefined"),
  };
  check(result);
}

TEST_CASE("clamp passes the gradient at its limits and stops it outside", "[device]") {
  for (const Device device : available_devices()) {
    Variable x(Tensor::from({-1.f, 0.f, 0.5f, 1.f, 2.f}).to(device), true);
    const Variable y = clamp(x, 0, 1);
    CHECK(y.value().to_doubles() == std::vector<double>{0, 0, 0.5, 1, 1});
    backward(y, Tensor::full({5}, 3, DType::f32, device));
    CHECK(x.grad().to_doubles() == std::vector<double>{0, 3, 3, 3, 0});
    CHECK(std::isnan(clamp(Variable(Tensor::scalar(std::nan(""), DType::f32, device)), 0, 1).value().item()));
  }
}

}  // namespace divvy::test
