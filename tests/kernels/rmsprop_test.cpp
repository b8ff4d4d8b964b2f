#include "kernels/rmsprop.h"

#include "tests/kernels/optimizer_case.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using kernels::RmspropUpdate;

}  // namespace

TEST_CASE("rmsprop against a naive loop", "[rmsprop][device]") {
  for (const RmspropUpdate& update :
       {RmspropUpdate{.lr = 0.01}, RmspropUpdate{.lr = 0.01, .weight_decay = 0.3},
        RmspropUpdate{.lr = 0.01, .momentum = 0.9}, RmspropUpdate{.lr = 0.02, .alpha = 0, .eps = 0.1},
        RmspropUpdate{.lr = 0.02, .alpha = 0.8, .eps = 1e-4, .weight_decay = 0.1, .momentum = 0.5}}) {
    INFO("alpha " << update.alpha << ", momentum " << update.momentum << ", weight decay " << update.weight_decay);
    const bool moving = update.momentum > 0;
    check_update(
        moving ? 2 : 1,
        [=](const Tensor& gradient, auto& states, Tensor& parameter, int) {
          Tensor none;
          kernels::rmsprop(gradient, update, states[0], moving ? states[1] : none, parameter);
        },
        [=](double g, auto& states, double& parameter, int) {
          g += update.weight_decay * parameter;
          states[0] = update.alpha * states[0] + (1 - update.alpha) * g * g;
          g /= std::sqrt(states[0]) + update.eps;
          if (moving) g = states[1] = update.momentum * states[1] + g;
          parameter -= update.lr * g;
        });
  }
}

TEST_CASE("rmsprop refuses what does not fit", "[rmsprop]") {
  Tensor p = Tensor::zeros({2, 3}), s = Tensor::zeros({2, 3}), v = Tensor::zeros({2, 3}), none;
  const Tensor g = Tensor::zeros({2, 3});
  const auto call = [&](const RmspropUpdate& update) {
    kernels::rmsprop(g, update, s, update.momentum == 0 ? none : v, p);
  };
  for (double bad : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THAT(refusal<ValueError>([&] { call({.lr = bad}); }), Contains("lr must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { call({.lr = 1, .alpha = bad}); }), Contains("alpha must be in [0, 1)"));
    CHECK_THAT(refusal<ValueError>([&] { call({.lr = 1, .eps = bad}); }), Contains("eps must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { call({.lr = 1, .weight_decay = bad}); }), Contains("weight_decay must be"));
    CHECK_THAT(refusal<ValueError>([&] { call({.lr = 1, .momentum = bad}); }), Contains("momentum must be"));
  }
  CHECK_THAT(refusal<ValueError>([&] { call({.lr = 1, .alpha = 1}); }), Contains("alpha must be in [0, 1), got 1"));
  Tensor small = Tensor::zeros({3});
  CHECK(refusal<ShapeError>([&] { kernels::rmsprop(g, {.lr = 1}, small, none, p); }) ==
        "rmsprop: square must be [2, 3], got [3]");
  CHECK_THAT(refusal<ShapeError>([&] { kernels::rmsprop(small, {.lr = 1}, s, none, p); }),
             Contains("gradient must be [2, 3]"));
  CHECK_THAT(refusal<ValueError>([&] { kernels::rmsprop(g, {.lr = 1}, none, none, p); }),
             Contains("square is undefined"));
  CHECK_THAT(refusal<ValueError>([&] { kernels::rmsprop(g, {.lr = 1}, s, v, p); }), Contains("velocity is given"));
  CHECK_THAT(refusal<ValueError>([&] { kernels::rmsprop(g, {.lr = 1, .momentum = 0.5}, s, none, p); }),
             Contains("velocity is undefined"));
  CHECK_THAT(refusal<DTypeError>([&] {
               Tensor wide = Tensor::zeros({2, 3}, DType::f64);
               kernels::rmsprop(g, {.lr = 1}, wide, none, p);
             }),
             Contains("square must be f32, got f64"));
}

}  // namespace divvy::test
