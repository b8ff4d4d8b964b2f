#include "kernels/adam.h"

#include "tests/kernels/optimizer_case.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using kernels::AdamMoments;
using kernels::AdamUpdate;

void check_adam(AdamUpdate update, bool amsgrad) {
  INFO("decoupled " << update.decoupled << ", weight decay " << update.weight_decay << ", amsgrad " << amsgrad);
  check_update(
      amsgrad ? 3 : 2,
      [=](const Tensor& gradient, auto& states, Tensor& parameter, int step) mutable {
        update.step = step;
        AdamMoments moments{states[0], states[1], amsgrad ? states[2] : Tensor()};
        kernels::adam(gradient, update, moments, parameter);
      },
      [=](double g, auto& states, double& parameter, int step) {
        if (update.decoupled) parameter -= update.lr * update.weight_decay * parameter;
        if (!update.decoupled) g += update.weight_decay * parameter;
        states[0] = update.beta1 * states[0] + (1 - update.beta1) * g;
        states[1] = update.beta2 * states[1] + (1 - update.beta2) * g * g;
        double square = states[1];
        if (amsgrad) square = states[2] = std::max(states[2], states[1]);
        const double mean_hat = states[0] / (1 - std::pow(update.beta1, step));
        const double square_hat = square / (1 - std::pow(update.beta2, step));
        parameter -= update.lr * mean_hat / (std::sqrt(square_hat) + update.eps);
      });
}

}  // namespace

TEST_CASE("adam against a naive loop", "[adam][device]") {
  for (bool amsgrad : {false, true}) {
    for (bool decoupled : {false, true}) {
      check_adam({.lr = 0.01, .decoupled = decoupled}, amsgrad);
      check_adam({.lr = 0.01, .weight_decay = 0.3, .decoupled = decoupled}, amsgrad);
      check_adam({.lr = 0.02, .beta1 = 0, .beta2 = 0.5, .eps = 1e-3, .weight_decay = 0.1, .decoupled = decoupled},
                 amsgrad);
    }
  }
}

TEST_CASE("adam refuses what does not fit", "[adam]") {
  Tensor p = Tensor::zeros({2, 3});
  const Tensor g = Tensor::zeros({2, 3});
  AdamMoments moments{Tensor::zeros({2, 3}), Tensor::zeros({2, 3}), {}};
  const auto call = [&](const AdamUpdate& update) { kernels::adam(g, update, moments, p); };
  for (double bad : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THAT(refusal<ValueError>([&] { call({.lr = bad}); }), Contains("lr must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { call({.lr = 1, .beta1 = bad}); }), Contains("beta1 must be in [0, 1)"));
    CHECK_THAT(refusal<ValueError>([&] { call({.lr = 1, .beta2 = bad}); }), Contains("beta2 must be in [0, 1)"));
    CHECK_THAT(refusal<ValueError>([&] { call({.lr = 1, .eps = bad}); }), Contains("eps must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { call({.lr = 1, .weight_decay = bad}); }), Contains("weight_decay must be"));
  }
  CHECK_THAT(refusal<ValueError>([&] { call({.lr = 1, .beta1 = 1}); }), Contains("beta1 must be in [0, 1), got 1"));
  CHECK(refusal<ValueError>([&] { call({.lr = 1, .step = 0}); }) == "adam: steps are counted from 1, got 0");
  CHECK_THAT(refusal<ShapeError>([&] { kernels::adam(Tensor::zeros({6}), {.lr = 1}, moments, p); }),
             Contains("gradient must be [2, 3], got [6]"));
  const Tensor odd = Tensor::zeros({3});
  AdamMoments no_mean{{}, moments.square, {}}, bad_square{moments.mean, odd, {}},
      bad_max{moments.mean, moments.square, odd};
  CHECK_THAT(refusal<ValueError>([&] { kernels::adam(g, {.lr = 1}, no_mean, p); }), Contains("mean is undefined"));
  CHECK_THAT(refusal<ShapeError>([&] { kernels::adam(g, {.lr = 1}, bad_square, p); }),
             Contains("square must be [2, 3]"));
  CHECK_THAT(refusal<ShapeError>([&] { kernels::adam(g, {.lr = 1}, bad_max, p); }),
             Contains("max_square must be [2, 3]"));
}

TEST_CASE("updates take their factors from memory, and stop where they are told", "[adam][device]") {
  for (const Device device : available_devices()) {
    const Tensor g = random_tensor({37}, 1, -1, 1, DType::f32).to(device),
                 start = random_tensor({37}, 2, -1, 1, DType::f32);
    const auto after = [&](const AdamUpdate& update) {
      Tensor p = start.to(device).clone();
      AdamMoments moments{Tensor::zeros_like(p), Tensor::zeros_like(p), {}};
      kernels::adam(g, update, moments, p);
      return std::vector{p, moments.mean};
    };
    AdamUpdate update{.lr = 0.01, .weight_decay = 0.1, .decoupled = true, .step = 7};
    const auto expected = after(update);
    const kernels::UpdateFactors factors = kernels::adam_factors(update);
    update.lr = 5;
    update.step = 1;
    update.control.factors = Tensor::from({factors[0], factors[1], factors[2]}).to(device);
    update.control.failed = Tensor::zeros({1}, DType::i64, device);
    const auto got = after(update);
    for (size_t i = 0; i < got.size(); ++i) CHECK(same_bits(got[i].to(Device::cpu()), expected[i].to(Device::cpu())));
    update.control.failed = Tensor::full({1}, 3, DType::i64, device);
    const auto stopped = after(update);
    CHECK(same_bits(stopped[0].to(Device::cpu()), start));
    CHECK(stopped[1].to_doubles() == std::vector<double>(37, 0.0));

    update.control.failed = Tensor::zeros({2}, DType::i64, device);
    CHECK_THAT(refusal<ShapeError>([&] { after(update); }), Contains("failed must be [1]"));
    update.control = {.factors = Tensor::zeros({3}, DType::f32, device)};
    CHECK_THAT(refusal<DTypeError>([&] { after(update); }), Contains("factors must be f64"));
  }
}

}  // namespace divvy::test
