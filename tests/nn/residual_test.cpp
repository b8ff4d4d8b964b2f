#include "nn/residual.h"

#include "nn/activation.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "tests/support/layer_case.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using nn::PreactivatedResidual, nn::Residual;

/// Adds a number.
class Plus : public nn::Module {
 public:
  explicit Plus(double number) : number_(number) {}
  nn::Rows forward(const nn::Rows& x) override {
    CHECK(x.in_place());  // the block has read the rows
    Tensor y = x.source().value().clone();
    for (int64_t i = 0; i < y.numel(); ++i) y.mutable_data<double>()[i] += number_;
    return x.with(Variable(y));
  }

 private:
  double number_;
};

std::shared_ptr<nn::Module> plus(double number) { return std::make_shared<Plus>(number); }

std::shared_ptr<nn::Module> linear(int64_t in, int64_t out, int64_t experts, Generator& generator) {
  return std::make_shared<nn::Linear>(nn::LinearOptions{.in = in, .out = out, .experts = experts, .dtype = DType::f64},
                                      generator);
}

struct BlockCase {
  int64_t in, out, stride;
};
constexpr BlockCase kBlocks[] = {{2, 2, 1}, {2, 3, 1}, {3, 3, 2}, {1, 2, 2}};

std::shared_ptr<nn::Module> block(const BlockCase& c, bool preactivation, int64_t experts, Generator& generator) {
  return nn::residual_block({.in = c.in,
                             .out = c.out,
                             .stride = c.stride,
                             .preactivation = preactivation,
                             .experts = experts,
                             .dtype = DType::f64},
                            generator);
}

}  // namespace

TEST_CASE("a residual block adds its input, or what the shortcut makes of it", "[residual]") {
  const Variable x(Tensor::from({-5., -1., 0., 2.}, {2, 2}));
  CHECK(Residual(plus(1))(x).value().to_doubles() == std::vector<double>{0, 0, 1, 5});
  CHECK(Residual(plus(1), plus(4))(x).value().to_doubles() == std::vector<double>{0, 3, 5, 9});
  CHECK(PreactivatedResidual(plus(10), plus(1))(x).value().to_doubles() == std::vector<double>{1, 9, 11, 15});
  CHECK(PreactivatedResidual(plus(10), plus(1), plus(4))(x).value().to_doubles() ==
        std::vector<double>{15, 23, 25, 29});
}

TEST_CASE("a residual block reads its rows once, for body and shortcut", "[residual]") {
  const Variable x(Tensor::from({-5., 0., 2.}, {3, 1}));
  const Segments segments{{}, Tensor::from<int64_t>({2, 0, 2, 1})};
  CHECK(Residual(plus(1))({x, segments}).values().value().to_doubles() == std::vector<double>{5, 0, 5, 1});
  CHECK(Residual(plus(1), plus(4))({x, segments}).values().value().to_doubles() == std::vector<double>{9, 0, 9, 5});
  CHECK(PreactivatedResidual(plus(10), plus(1), plus(4))({x, segments}).values().value().to_doubles() ==
        std::vector<double>{29, 15, 29, 25});
  CHECK(Residual(plus(1))({x, {{}, Tensor::zeros({0}, DType::i64)}}).values().shape() == Shape{0, 1});
}

TEST_CASE("gradients of residual modules around any layers", "[residual][device]") {
  Generator generator(2);
  uint64_t seed = 1;
  for (int64_t experts : {0, 1, 3}) {
    for (int64_t rows : {0, 1, 6}) {
      const auto tanh = std::make_shared<nn::Tanh>();
      PreactivatedResidual same(tanh, linear(3, 3, experts, generator));
      PreactivatedResidual other(tanh, linear(3, 2, experts, generator), linear(3, 2, experts, generator));
      Residual after(linear(3, 2, experts, generator), linear(3, 2, experts, generator));
      for (nn::Module* module :
           {static_cast<nn::Module*>(&same), static_cast<nn::Module*>(&other), static_cast<nn::Module*>(&after)}) {
        ++seed;
        check_gradients(*module, random_tensor({rows, 3}, seed), random_segments(experts, rows, seed));
        check_gradients(*module, random_tensor({2, 3}, seed), random_segments(experts, rows, seed, 2));
      }
    }
  }
}

TEST_CASE("gradients of residual blocks, in training and evaluation", "[residual][device]") {
  Generator generator(3);
  uint64_t seed = 100;
  for (const BlockCase& c : kBlocks) {
    for (bool preactivation : {false, true}) {
      for (int64_t experts : {0, 2}) {
        for (bool training : {true, false}) {
          const auto module = block(c, preactivation, experts, generator);
          draw_biases_and_statistics(*module, ++seed);
          module->train(training);
          check_gradients(*module, random_tensor({3, c.in, 4, 3}, seed), random_segments(experts, 3, seed));
          check_gradients(*module, random_tensor({2, c.in, 3, 3}, seed), random_segments(experts, 5, seed, 2));
        }
      }
    }
  }
}

TEST_CASE("stacked residual blocks are the blocks one by one", "[residual][device]") {
  Generator generator(4);
  uint64_t seed = 1;
  for (const BlockCase& c : kBlocks) {
    for (bool preactivation : {false, true}) {
      for (int64_t experts : {1, 3}) {
        for (int64_t rows : {0, 1, 9}) {
          const auto stacked = block(c, preactivation, experts, generator);
          draw_biases_and_statistics(*stacked, ++seed);
          stacked->train(rows != 9);
          const auto plain = [&] { return block(c, preactivation, 0, generator); };
          check_stacked(*stacked, plain, random_tensor({rows, c.in, 4, 4}, seed), random_segments(experts, rows, seed));
          check_stacked(*stacked, plain, random_tensor({2, c.in, 4, 4}, seed), random_segments(experts, rows, seed, 2));
        }
      }
    }
  }
}

TEST_CASE("a residual block has a shortcut with parameters only where the shape changes", "[residual]") {
  Generator generator(5);
  const auto count = [&](int64_t in, int64_t out, int64_t stride, bool preactivation) {
    return nn::residual_block({.in = in, .out = out, .stride = stride, .preactivation = preactivation}, generator)
        ->parameter_count();
  };
  CHECK(count(4, 4, 1, false) == 2 * 9 * 16 + 2 * 8);
  CHECK(count(4, 4, 2, false) == 2 * 9 * 16 + 2 * 8 + 16 + 8);
  CHECK(count(2, 4, 1, false) == 9 * 8 + 9 * 16 + 2 * 8 + 8 + 8);
  CHECK(count(4, 4, 1, true) == 2 * 9 * 16 + 2 * 8);
  CHECK(count(2, 4, 2, true) == 9 * 8 + 9 * 16 + 4 + 8 + 8);
  const auto module = nn::residual_block({.in = 2, .out = 4, .stride = 2}, generator);
  for (const auto& [height, expected] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {2, 1}, {3, 2}, {8, 4}}) {
    CHECK((*module)(Variable(Tensor::zeros({2, 2, height, 5}))).shape() == Shape{2, 4, expected, 3});
  }
}

TEST_CASE("residual modules refuse what does not fit", "[residual]") {
  Generator generator(6);
  CHECK_THAT(refusal<ValueError>([] { Residual(nullptr); }), Contains("module 'body' is null"));
  CHECK_THAT(refusal<ValueError>([] { PreactivatedResidual(nullptr, plus(1)); }),
             Contains("module 'activation' is null"));
  CHECK_THAT(refusal<ValueError>([] { PreactivatedResidual(plus(1), nullptr); }), Contains("module 'body' is null"));
  Residual broadcast(linear(3, 1, 0, generator));
  CHECK(refusal<ShapeError>([&] {
          broadcast(Variable(Tensor::zeros({2, 3}, DType::f64)));
        }) == "Residual: the body gives [2, 1] and the shortcut [2, 3]; they must be alike");
  PreactivatedResidual wide(plus(1), linear(3, 4, 0, generator), plus(1));
  CHECK_THAT(refusal<ShapeError>([&] {
               wide(Variable(Tensor::zeros({2, 3}, DType::f64)));
             }),
             Contains("PreactivatedResidual: the body gives [2, 4] and the shortcut [2, 3]"));
  const auto refused = [&](nn::ResidualBlockOptions options) {
    return refusal<ValueError>([&] { nn::residual_block(options, generator); });
  };
  CHECK(refused({.in = 0, .out = 1}) == "residual_block: in must be at least 1, got 0");
  CHECK(refused({.in = 1, .out = 0}) == "residual_block: out must be at least 1, got 0");
  CHECK(refused({.in = 1, .out = 1, .stride = 0}) == "residual_block: stride must be at least 1, got 0");
  CHECK_THAT(refused({.in = 1, .out = 1, .experts = -1}), Contains("experts must be 0"));
  CHECK_THROWS_AS(nn::residual_block({.in = 1, .out = 1, .dtype = DType::i64}, generator), DTypeError);
}

}  // namespace divvy::test
