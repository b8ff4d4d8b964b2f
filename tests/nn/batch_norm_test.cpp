#include "nn/batch_norm.h"

#include "tests/support/layer_case.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using nn::BatchNorm2d;

/// A layer whose parameters and statistics are not the initial ones.
std::shared_ptr<BatchNorm2d> shaken(int64_t channels, int64_t experts, uint64_t seed) {
  auto layer = std::make_shared<BatchNorm2d>(
      nn::BatchNorm2dOptions{.channels = channels, .experts = experts, .dtype = DType::f64});
  nn::StateDict state = layer->state_dict();
  for (auto& [name, value] : state) value = random_tensor(value.shape(), seed++, 0.5, 2);
  layer->load_state_dict(state);
  return layer;
}

}  // namespace

TEST_CASE("gradients of BatchNorm2d", "[batch_norm][device]") {
  uint64_t seed = 1;
  for (bool training : {true, false}) {
    for (int64_t experts : {0, 1, 3}) {
      for (const Shape& shape : {Shape{6, 2, 2, 3}, Shape{1, 3, 2, 2}, Shape{0, 2, 2, 2}, Shape{9, 4}}) {
        const auto layer = shaken(shape[1], experts, ++seed);
        layer->train(training);
        const Tensor x = random_tensor(shape, seed);
        check_gradients(*layer, x, random_segments(experts, shape[0], seed));
        if (shape[0] > 1) check_gradients(*layer, x, random_segments(experts, 5, seed, shape[0]));
      }
    }
  }
}

TEST_CASE("a stacked BatchNorm2d is the layers one by one", "[batch_norm][device]") {
  uint64_t seed = 1;
  for (bool training : {true, false}) {
    for (int64_t rows : {0, 1, 3, 20}) {
      const auto stacked = shaken(3, 4, ++seed);
      stacked->train(training);
      const auto plain = [] {
        return std::make_shared<BatchNorm2d>(nn::BatchNorm2dOptions{.channels = 3, .dtype = DType::f64});
      };
      check_stacked(*stacked, plain, random_tensor({rows, 3, 2, 2}, seed), random_segments(4, rows, seed));
      check_stacked(*stacked, plain, random_tensor({5, 3, 2, 2}, seed), random_segments(4, rows, seed, 5));
    }
  }
}

TEST_CASE("BatchNorm2d moves its statistics in training only, and not when frozen", "[batch_norm]") {
  BatchNorm2d layer({.channels = 1, .momentum = 0.5});
  const Variable x(Tensor::from({1.f, 3.f, 5.f, 7.f}, {4, 1}));
  layer(x);
  CHECK(layer.running_mean().item() == 2);
  CHECK(layer.running_var().item() == Approx(0.5 + 0.5 * 20 / 3.0));
  CHECK(layer.state_dict().at("running_mean").item() == 2);
  layer.eval();
  CHECK(layer(x).value().to_doubles()[0] == Approx((1 - 2) / std::sqrt(layer.running_var().item() + 1e-5)));
  layer.train();
  layer.freeze();
  layer(x);
  CHECK(layer.running_mean().item() == 2);
}

TEST_CASE("reset restores the initial statistics and parameters", "[batch_norm]") {
  Generator generator;
  const auto layer = shaken(2, 3, 1);
  const auto fresh = BatchNorm2d({.channels = 2, .experts = 3, .dtype = DType::f64}, generator).state_dict();
  layer->reset(generator);
  for (const auto& [name, value] : layer->state_dict()) CHECK(same_bits(value, fresh.at(name)));
  CHECK(fresh.at("weight").to_doubles() == std::vector<double>(6, 1));
  CHECK(fresh.at("running_var").to_doubles() == std::vector<double>(6, 1));
}

TEST_CASE("BatchNorm2d describes itself and refuses what does not fit", "[batch_norm]") {
  CHECK(BatchNorm2d({.channels = 8}).describe() == "BatchNorm2d(8)");
  BatchNorm2d stacked({.channels = 8, .experts = 2});
  CHECK(stacked.describe() == "BatchNorm2d(8, 2 experts)");
  CHECK(stacked.parameter_count() == 32);
  CHECK(stacked.weight().parts() == 2);
  CHECK(stacked.bias().parts() == 2);
  CHECK(refusal<ValueError>([] { BatchNorm2d({}); }) == "BatchNorm2d: channels must be at least 1, got 0");
  CHECK_THAT(refusal<ValueError>([] { BatchNorm2d({.channels = 1, .experts = -1}); }), Contains("got -1"));
  for (double bad : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THAT(refusal<ValueError>([=] { BatchNorm2d({.channels = 1, .eps = bad}); }), Contains("eps must be finite"));
  }
  for (double bad : {-0.1, 1.1, std::nan("")}) {
    CHECK_THAT(refusal<ValueError>([=] { BatchNorm2d({.channels = 1, .momentum = bad}); }),
               Contains("momentum must be in [0, 1]"));
  }
  CHECK_THAT(refusal<DTypeError>([] { BatchNorm2d({.channels = 1, .dtype = DType::i32}); }), Contains("i32"));
  BatchNorm2d plain({.channels = 3});
  CHECK_THAT(refusal<ShapeError>([&] { plain(Variable(Tensor::zeros({4, 2}))); }), Contains("3"));
  CHECK_THAT(refusal<ShapeError>([&] { plain(Variable(Tensor::zeros({4}))); }), Contains("[4]"));
  CHECK_THAT(refusal<ValueError>([&] { plain(Variable(Tensor::zeros({1, 3}))); }), Contains("more than 1 value"));
  CHECK_THAT(refusal<ShapeError>([&] {
               stacked(Variable(Tensor::zeros({4, 8})));
             }),
             Contains("2 experts need segments"));
}

}  // namespace divvy::test
