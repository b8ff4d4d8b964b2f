#include "nn/clip.h"

#include <cmath>

#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;

Variable with_gradient(std::initializer_list<double> gradient, const char* name = "") {
  const Tensor g = Tensor::from(gradient);
  Variable p(Tensor::zeros_like(g), true);
  p.mutable_grad() = g;
  p.set_name(name);
  return p;
}

}  // namespace

TEST_CASE("clip_grad_norm scales all gradients by one factor", "[clip]") {
  const Variable a = with_gradient({3, 0}), b = with_gradient({4}), none(Tensor::zeros({2}), true);
  CHECK(nn::clip_grad_norm({a, none, b}, 10) == 5);
  CHECK(a.grad().to_doubles() == std::vector<double>{3, 0});
  CHECK(nn::clip_grad_norm({a, none, b}, 1) == 5);
  CHECK(a.grad().to_doubles()[0] == Approx(3 / 5.000001).epsilon(1e-14));
  CHECK(b.grad().to_doubles()[0] == Approx(4 / 5.000001).epsilon(1e-14));
  CHECK_FALSE(none.grad().defined());
  CHECK(nn::clip_grad_norm({}, 1) == 0);
  CHECK(nn::clip_grad_norm({with_gradient({})}, 1) == 0);
}

TEST_CASE("clip_grad_value moves gradients into the limits", "[clip]") {
  const Variable a = with_gradient({3, -0.25, -7}), none(Tensor::zeros({2}), true);
  nn::clip_grad_value({a, none}, 0.5);
  CHECK(a.grad().to_doubles() == std::vector<double>{0.5, -0.25, -0.5});
}

TEST_CASE("clipping refuses bad limits and gradients that are not finite", "[clip]") {
  const Variable a = with_gradient({3, 0});
  for (double bad : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THAT(refusal<ValueError>([&] { nn::clip_grad_norm({a}, bad); }),
               Contains("max_norm must be finite and positive"));
    CHECK_THAT(refusal<ValueError>([&] { nn::clip_grad_value({a}, bad); }),
               Contains("limit must be finite and positive"));
  }
  CHECK_THAT(refusal<NonFiniteError>([&] {
               nn::clip_grad_norm({a, with_gradient({NAN}, "fc.bias")}, 1);
             }),
             Contains("non-finite gradient in fc.bias"));
  CHECK(a.grad().to_doubles() == std::vector<double>{3, 0});
  CHECK_THAT(refusal<ValueError>([&] { nn::clip_grad_norm({Variable()}, 1); }), Contains("undefined"));
  CHECK_THAT(refusal<ValueError>([&] { nn::clip_grad_value({Variable()}, 1); }), Contains("undefined"));
}

TEST_CASE("clipping on a device leaves its norm there", "[clip][device]") {
  for (const Device device : available_devices()) {
    const auto on_device = [&](std::initializer_list<double> gradient, const char* name) {
      Variable p = with_gradient(gradient, name);
      p.set_value(p.value().to(device));
      p.mutable_grad() = p.grad().to(device);
      return p;
    };
    const Variable a = on_device({3, 0}, "a"), b = on_device({4}, "b");
    FiniteWatch watch(device);
    nn::clip_grad_norm({a, b}, 10, watch);
    CHECK(a.grad().to_doubles() == std::vector<double>{3, 0});
    nn::clip_grad_norm({a, b}, 1, watch);
    CHECK(a.grad().to_doubles()[0] == 3 * (1 / 5.000001));
    CHECK(b.grad().to_doubles()[0] == 4 * (1 / 5.000001));
    watch.check();
    nn::clip_grad_norm({}, 1, watch);
    const Variable endless = on_device({1e200, 1e200}, "fc.bias");  // whose square is infinite
    watch.look({}, {}, true);
    nn::clip_grad_norm({a, endless}, 1, watch);
    CHECK_THAT(refusal<NonFiniteError>([&] { watch.check(); }), Contains("non-finite gradient in fc.bias, at step 1"));
    CHECK_THROWS_AS(nn::clip_grad_norm({a}, 0, watch), ValueError);
  }
}

}  // namespace divvy::test
