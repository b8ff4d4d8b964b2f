#include "nn/conv2d.h"

#include "tests/support/layer_case.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using nn::Conv2d;
using nn::Conv2dOptions;

std::vector<Conv2dOptions> option_table(int64_t experts) {
  std::vector<Conv2dOptions> table{{.in = 1, .out = 1, .kernel = 1},
                                   {.in = 2, .out = 3, .kernel = 3},
                                   {.in = 2, .out = 3, .kernel = 2, .stride = 2, .padding = 1},
                                   {.in = 4, .out = 2, .kernel = 3, .padding = 2, .groups = 2, .bias = false}};
  for (Conv2dOptions& options : table) options.experts = experts, options.dtype = DType::f64;
  return table;
}

}  // namespace

TEST_CASE("gradients of Conv2d", "[conv2d][device]") {
  Generator generator(1);
  uint64_t seed = 1;
  for (int64_t experts : {0, 1, 3}) {
    for (const Conv2dOptions& options : option_table(experts)) {
      for (int64_t rows : {0, 1, 4}) {
        Conv2d layer(options, generator);
        check_gradients(layer, random_tensor({rows, options.in, 4, 3}, seed), random_segments(experts, rows, seed));
        check_gradients(layer, random_tensor({2, options.in, 3, 4}, seed), random_segments(experts, rows, seed, 2));
        ++seed;
      }
    }
  }
}

TEST_CASE("a stacked Conv2d is the layers one by one", "[conv2d][device]") {
  Generator generator(2);
  for (Conv2dOptions options : option_table(3)) {
    Conv2d stacked(options, generator);
    options.experts = 0;
    const auto plain = [&] { return std::make_shared<Conv2d>(options, generator); };
    for (int64_t rows : {0, 1, 8}) {
      check_stacked(stacked, plain, random_tensor({rows, options.in, 5, 5}, 3), random_segments(3, rows, 3));
      check_stacked(stacked, plain, random_tensor({4, options.in, 5, 5}, 3), random_segments(3, rows, 4, 4));
    }
  }
}

TEST_CASE("a Conv2d alone reads its sample and ignores offsets", "[conv2d]") {
  Generator generator(3);
  Conv2d layer({.in = 1, .out = 2, .kernel = 2}, generator);
  const Variable x(random_tensor({3, 1, 3, 3}, 1, -1, 1, DType::f32));
  const Segments segments{Tensor::from<int64_t>({0, 1, 1, 2}), Tensor::from<int64_t>({2, 0})};
  const Tensor all = layer(x).value(), read = layer({x, segments}).values().value();
  CHECK(read.shape() == Shape{2, 2, 2, 2});
  CHECK(same_bits(read[0], all[2]));
  CHECK(same_bits(read[1], all[0]));
}

TEST_CASE("Conv2d starts within 1 / sqrt(fan_in), each expert like a layer alone", "[conv2d]") {
  Generator one(7), other(7);
  const Conv2dOptions options{.in = 8, .out = 16, .kernel = 3, .groups = 2};
  Conv2dOptions experts = options;
  experts.experts = 2;
  Conv2d stacked(experts, one);
  for (int64_t e = 0; e < 2; ++e) {
    Conv2d alone(options, other);
    CHECK(same_bits(stacked.weight().value()[e], alone.weight().value()));
    CHECK(same_bits(stacked.bias().value()[e], alone.bias().value()));
  }
  double high = 0;
  for (double v : stacked.weight().value().to_doubles()) high = std::max(high, std::abs(v));
  CHECK((high <= 1 / 6.0 && high > 0.16));  // fan_in = 8 / 2 * 9 = 36
}

TEST_CASE("Conv2d describes itself", "[conv2d]") {
  Generator generator;
  CHECK(Conv2d({.in = 1, .out = 4, .kernel = 3}, generator).describe() == "Conv2d(1 -> 4, kernel 3)");
  const Conv2d layer(
      {.in = 4, .out = 6, .kernel = 2, .stride = 2, .padding = 1, .groups = 2, .bias = false, .experts = 5}, generator);
  CHECK(layer.describe() == "Conv2d(4 -> 6, kernel 2, stride 2, padding 1, 2 groups, no bias, 5 experts)");
  CHECK(layer.weight().shape() == Shape{5, 6, 2, 2, 2});
  CHECK(layer.weight().parts() == 5);
}

TEST_CASE("Conv2d refuses what does not fit", "[conv2d]") {
  Generator generator;
  const auto make = [&](const Conv2dOptions& options) { Conv2d(options, generator); };
  CHECK(refusal<ValueError>([&] { make({.in = 0, .out = 2, .kernel = 1}); }) == "Conv2d: in must be at least 1, got 0");
  CHECK_THAT(refusal<ValueError>([&] { make({.in = 1, .out = 0, .kernel = 1}); }), Contains("out must be at least 1"));
  CHECK_THAT(refusal<ValueError>([&] { make({.in = 1, .out = 1}); }), Contains("kernel must be at least 1, got 0"));
  CHECK_THAT(refusal<ValueError>([&] { make({.in = 1, .out = 1, .kernel = 1, .stride = 0}); }),
             Contains("stride must be"));
  CHECK_THAT(refusal<ValueError>([&] { make({.in = 1, .out = 1, .kernel = 1, .padding = -1}); }),
             Contains("padding must not be negative, got -1"));
  CHECK_THAT(refusal<ValueError>([&] { make({.in = 1, .out = 1, .kernel = 1, .groups = 0}); }),
             Contains("groups must be"));
  CHECK_THAT(refusal<ValueError>([&] { make({.in = 4, .out = 3, .kernel = 1, .groups = 2}); }),
             Contains("2 groups must divide 4 and 3 channels"));
  CHECK_THAT(refusal<ValueError>([&] { make({.in = 1, .out = 1, .kernel = 1, .experts = -2}); }), Contains("got -2"));
  CHECK_THAT(refusal<DTypeError>([&] { make({.in = 1, .out = 1, .kernel = 1, .dtype = DType::u8}); }), Contains("u8"));
  Conv2d plain({.in = 2, .out = 2, .kernel = 3}, generator),
      stacked({.in = 2, .out = 2, .kernel = 3, .experts = 2}, generator);
  CHECK_THAT(refusal<ShapeError>([&] { plain(Variable(Tensor::zeros({4, 3, 5, 5}))); }), Contains("[4, 3, 5, 5]"));
  CHECK_THAT(refusal<ShapeError>([&] {
               plain(Variable(Tensor::zeros({4, 2, 2, 5})));
             }),
             Contains("does not fit images"));
  CHECK_THAT(refusal<ShapeError>([&] { plain(Variable(Tensor::zeros({4, 2}))); }), Contains("got [4, 2]"));
  CHECK_THAT(refusal<ShapeError>([&] {
               stacked(Variable(Tensor::zeros({4, 2, 5, 5})));
             }),
             Contains("2 experts need segments"));
}

}  // namespace divvy::test
