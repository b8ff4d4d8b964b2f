#include "nn/pool.h"

#include "autograd/ops/pool2d.h"
#include "tests/support/layer_case.h"
#include "tests/support/refusal.h"

namespace divvy::test {

TEST_CASE("gradients of the pools", "[pool][device]") {
  const std::shared_ptr<nn::Module> layers[] = {
      std::make_shared<nn::MaxPool2d>(2), std::make_shared<nn::MaxPool2d>(3, 2), std::make_shared<nn::AvgPool2d>(2),
      std::make_shared<nn::AvgPool2d>(2, 1), std::make_shared<nn::GlobalAvgPool2d>()};
  uint64_t seed = 1;
  for (const auto& layer : layers) {
    for (const Shape& shape : {Shape{0, 2, 3, 3}, Shape{1, 1, 3, 3}, Shape{2, 3, 4, 5}, Shape{3, 1, 7, 4}}) {
      check_gradients(*layer, distinct_tensor(shape, ++seed), {});
      if (shape[0] > 0) check_gradients(*layer, distinct_tensor(shape, seed), random_segments(2, 3, seed, shape[0]));
    }
  }
}

TEST_CASE("pools compute what they are called", "[pool]") {
  const Variable x(random_tensor({3, 2, 7, 6}, 1));
  CHECK(same_bits(nn::MaxPool2d(2)(x).value(), max_pool2d(x, 2).value()));
  CHECK(same_bits(nn::MaxPool2d(3, 2)(x).value(), max_pool2d(x, 3, 2).value()));
  CHECK(same_bits(nn::AvgPool2d(3)(x).value(), avg_pool2d(x, 3).value()));
  CHECK(same_bits(nn::AvgPool2d(3, 1)(x).value(), avg_pool2d(x, 3, 1).value()));
  CHECK(same_bits(nn::GlobalAvgPool2d()(x).value(), global_avg_pool2d(x).value()));
  const Segments segments{{}, Tensor::from<int64_t>({2, 0})};
  CHECK(same_bits(nn::MaxPool2d(2)({x, segments}).values().value()[0], max_pool2d(x, 2).value()[2]));
  CHECK(same_bits(nn::AvgPool2d(2)({x, segments}).values().value()[0], avg_pool2d(x, 2).value()[2]));
  CHECK(same_bits(nn::GlobalAvgPool2d()({x, segments}).values().value()[0], global_avg_pool2d(x).value()[2]));
  CHECK(nn::MaxPool2d(2).describe() == "MaxPool2d(2)");
  CHECK(nn::MaxPool2d(3, 2).describe() == "MaxPool2d(3, stride 2)");
  CHECK(nn::AvgPool2d(2, 2).describe() == "AvgPool2d(2)");
  CHECK(nn::GlobalAvgPool2d().describe() == "GlobalAvgPool2d");
}

TEST_CASE("pools refuse what does not fit", "[pool]") {
  using Catch::Matchers::Contains;
  CHECK(refusal<ValueError>([] { nn::MaxPool2d(0); }) == "MaxPool2d: kernel must be at least 1, got 0");
  CHECK(refusal<ValueError>([] { nn::AvgPool2d(-1); }) == "AvgPool2d: kernel must be at least 1, got -1");
  CHECK(refusal<ValueError>([] { nn::MaxPool2d(1, -1); }) == "MaxPool2d: stride must not be negative, got -1");
  CHECK(refusal<ValueError>([] { nn::AvgPool2d(1, -2); }) == "AvgPool2d: stride must not be negative, got -2");
  const Variable small(Tensor::zeros({2, 1, 2, 2})), flat(Tensor::zeros({2, 4}));
  CHECK_THAT(refusal<ShapeError>([&] { nn::MaxPool2d(3)(small); }), Contains("[2, 1, 2, 2]"));
  CHECK_THAT(refusal<ShapeError>([&] { nn::AvgPool2d(3)(small); }), Contains("[2, 1, 2, 2]"));
  CHECK_THAT(refusal<ShapeError>([&] { nn::MaxPool2d(1)(flat); }), Contains("[2, 4]"));
  CHECK_THAT(refusal<ShapeError>([&] { nn::GlobalAvgPool2d()(flat); }), Contains("[2, 4]"));
}

}  // namespace divvy::test
