#include "nn/linear.h"

#include "tests/support/layer_case.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using nn::Linear;

}  // namespace

TEST_CASE("gradients of Linear", "[linear][device]") {
  Generator generator(1);
  uint64_t seed = 1;
  for (int64_t experts : {0, 1, 2, 5}) {
    for (bool bias : {true, false}) {
      for (int64_t rows : {0, 1, 7}) {
        Linear layer({.in = 3, .out = 2, .bias = bias, .experts = experts, .dtype = DType::f64}, generator);
        check_gradients(layer, random_tensor({rows, 3}, seed), random_segments(experts, rows, seed));
        check_gradients(layer, random_tensor({4, 3}, seed), random_segments(experts, rows, seed, 4));
        ++seed;
      }
    }
  }
}

TEST_CASE("a stacked Linear is the layers one by one", "[linear][device]") {
  Generator generator(2);
  for (bool bias : {true, false}) {
    for (int64_t rows : {0, 1, 9, 40}) {
      const auto plain = [&] {
        return std::make_shared<Linear>(nn::LinearOptions{.in = 5, .out = 3, .bias = bias, .dtype = DType::f64},
                                        generator);
      };
      Linear stacked({.in = 5, .out = 3, .bias = bias, .experts = 4, .dtype = DType::f64}, generator);
      check_stacked(stacked, plain, random_tensor({rows, 5}, 3), random_segments(4, rows, 3));
      check_stacked(stacked, plain, random_tensor({6, 5}, 3), random_segments(4, rows, 4, 6));
    }
  }
}

TEST_CASE("a Linear alone reads its sample and ignores offsets", "[linear]") {
  Generator generator(3);
  Linear layer({.in = 2, .out = 2}, generator);
  const Variable x(random_tensor({3, 2}, 1, -1, 1, DType::f32));
  const Segments segments{Tensor::from<int64_t>({0, 1, 1, 4}), Tensor::from<int64_t>({2, 2, 0, 1})};
  const Tensor all = layer(x).value(), read = layer({x, segments}).values().value();
  CHECK(same_bits(read[0], all[2]));
  CHECK(same_bits(read[1], all[2]));
  CHECK(same_bits(read[3], all[1]));
}

TEST_CASE("Linear starts uniformly within 1 / sqrt(in), each expert like a layer alone", "[linear]") {
  Generator one(7), other(7);
  Linear stacked({.in = 16, .out = 25, .experts = 3}, one);
  for (int64_t e = 0; e < 3; ++e) {
    Linear alone({.in = 16, .out = 25}, other);
    CHECK(same_bits(stacked.weight().value()[e], alone.weight().value()));
    CHECK(same_bits(stacked.bias().value()[e], alone.bias().value()));
    CHECK_FALSE(same_bits(stacked.weight().value()[e], stacked.weight().value()[(e + 1) % 3]));
  }
  double low = 1, high = -1;
  for (double v : stacked.weight().value().to_doubles()) low = std::min(low, v), high = std::max(high, v);
  CHECK((low >= -0.25 && low < -0.24 && high <= 0.25 && high > 0.24));
  const Tensor before = stacked.weight().value().clone();
  stacked.reset(one);
  CHECK_FALSE(same_bits(before, stacked.weight().value()));
}

TEST_CASE("Linear describes itself and names its parameters", "[linear]") {
  Generator generator;
  CHECK(Linear({.in = 3, .out = 2}, generator).describe() == "Linear(3 -> 2)");
  const Linear layer({.in = 169, .out = 5, .bias = false, .experts = 10}, generator);
  CHECK(layer.describe() == "Linear(169 -> 5, no bias, 10 experts)");
  CHECK(layer.weight().name() == "weight");
  CHECK(layer.weight().parts() == 10);
  CHECK_FALSE(layer.bias().defined());
  CHECK(layer.parameter_count() == 8450);
  CHECK(Linear({.in = 169, .out = 5, .experts = 1}, generator).describe() == "Linear(169 -> 5, 1 expert)");
}

TEST_CASE("Linear refuses what does not fit", "[linear]") {
  Generator generator;
  CHECK(refusal<ValueError>([&] { Linear({.in = 0, .out = 2}, generator); }) == "Linear: in must be at least 1, got 0");
  CHECK(refusal<ValueError>([&] { Linear({.in = 1, .out = -2}, generator); }) ==
        "Linear: out must be at least 1, got -2");
  CHECK_THAT(refusal<ValueError>([&] { Linear({.in = 1, .out = 2, .experts = -1}, generator); }),
             Contains("experts must be 0 (a layer alone) or more, got -1"));
  CHECK_THAT(refusal<DTypeError>([&] { Linear({.in = 1, .out = 2, .dtype = DType::i64}, generator); }),
             Contains("i64"));
  Linear plain({.in = 3, .out = 2}, generator), stacked({.in = 3, .out = 2, .experts = 2}, generator);
  const Variable x(Tensor::zeros({4, 3})), narrow(Tensor::zeros({4, 2})), wide(Tensor::zeros({4, 3}, DType::f64));
  CHECK_THAT(refusal<ShapeError>([&] { plain(narrow); }), Contains("got [1, 2, 3]"));
  CHECK_THAT(refusal<DTypeError>([&] { plain(wide); }), Contains("f64"));
  CHECK_THAT(refusal<ShapeError>([&] { stacked(x); }), Contains("2 experts need segments"));
  CHECK_THAT(refusal<ValueError>([&] {
               stacked(nn::Rows(x, {Tensor::from<int64_t>({0, 1, 3}), {}}));
             }),
             Contains("from 0 to 4"));
  CHECK_THAT(refusal<ValueError>([&] { plain(nn::Rows(x, {{}, Tensor::from<int64_t>({4})})); }), Contains("4"));
}

}  // namespace divvy::test
