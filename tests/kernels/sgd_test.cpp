#include "kernels/sgd.h"

#include "tests/kernels/optimizer_case.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using kernels::SgdUpdate;

}  // namespace

TEST_CASE("sgd against a naive loop", "[sgd][device]") {
  for (const SgdUpdate& update : {SgdUpdate{.lr = 0.1}, SgdUpdate{.lr = 0.1, .weight_decay = 0.3},
                                  SgdUpdate{.lr = 0.1, .momentum = 0.9}, SgdUpdate{.lr = 0, .momentum = 0.5},
                                  SgdUpdate{.lr = 0.05, .momentum = 0.8, .weight_decay = 0.2, .nesterov = true}}) {
    INFO("momentum " << update.momentum << ", weight decay " << update.weight_decay << ", nesterov "
                     << update.nesterov);
    const bool moving = update.momentum > 0;
    check_update(
        moving ? 1 : 0,
        [=](const Tensor& gradient, auto& states, Tensor& parameter, int) {
          Tensor none;
          kernels::sgd(gradient, update, moving ? states[0] : none, parameter);
        },
        [=](double g, auto& states, double& parameter, int) {
          g += update.weight_decay * parameter;
          if (moving) {
            states[0] = update.momentum * states[0] + g;
            g = update.nesterov ? g + update.momentum * states[0] : states[0];
          }
          parameter -= update.lr * g;
        });
  }
}

TEST_CASE("sgd refuses what does not fit", "[sgd]") {
  Tensor p = Tensor::zeros({2, 3}), v = Tensor::zeros({2, 3}), none;
  const Tensor g = Tensor::zeros({2, 3});
  CHECK(refusal<ShapeError>([&] {
          kernels::sgd(Tensor::zeros({3, 2}), {.lr = 1}, none, p);
        }) == "sgd: gradient must be [2, 3], got [3, 2]");
  CHECK_THAT(refusal<DTypeError>([&] {
               kernels::sgd(Tensor::zeros({2, 3}, DType::f64), {.lr = 1}, none, p);
             }),
             Contains("gradient must be f32, got f64"));
  Tensor whole = Tensor::zeros({2}, DType::i64);
  CHECK_THAT(refusal<DTypeError>([&] { kernels::sgd(whole, {.lr = 1}, none, whole); }),
             Contains("f32 or f64, got i64"));
  CHECK_THAT(refusal<ValueError>([&] { kernels::sgd(g, {.lr = 1}, none, none); }), Contains("parameter is undefined"));
  CHECK_THAT(refusal<ValueError>([&] { kernels::sgd({}, {.lr = 1}, none, p); }), Contains("gradient is undefined"));
  for (double bad : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THAT(refusal<ValueError>([&] { kernels::sgd(g, {.lr = bad}, none, p); }), Contains("lr must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { kernels::sgd(g, {.lr = 1, .momentum = bad}, v, p); }),
               Contains("momentum must be"));
    CHECK_THAT(refusal<ValueError>([&] { kernels::sgd(g, {.lr = 1, .weight_decay = bad}, none, p); }),
               Contains("weight_decay must be"));
  }
  CHECK_THAT(refusal<ValueError>([&] { kernels::sgd(g, {.lr = 1, .nesterov = true}, none, p); }),
             Contains("nesterov needs a momentum"));
  CHECK_THAT(refusal<ValueError>([&] { kernels::sgd(g, {.lr = 1, .momentum = 0.9}, none, p); }),
             Contains("velocity is undefined"));
  CHECK_THAT(refusal<ValueError>([&] { kernels::sgd(g, {.lr = 1}, v, p); }),
             Contains("velocity is given but not used"));
}

}  // namespace divvy::test
