#include "nn/activation.h"

#include "autograd/ops/unary.h"
#include "tests/support/layer_case.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

std::vector<std::shared_ptr<nn::Elementwise>> all_activations() {
  return {std::make_shared<nn::ReLU>(), std::make_shared<nn::Tanh>(), std::make_shared<nn::Sigmoid>(),
          std::make_shared<nn::GELU>(), std::make_shared<nn::Softplus>()};
}

}  // namespace

TEST_CASE("gradients of the activations", "[activation][device]") {
  uint64_t seed = 1;
  const Shape shapes[] = {{}, {0}, {1}, {7}, {0, 3}, {3, 0}, {1, 1}, {4, 5}, {2, 3, 4}, {2, 1, 3, 2}};
  for (const auto& layer : all_activations()) {
    for (const Shape& shape : shapes) check_gradients(*layer, distinct_tensor(shape, seed++), {});
    for (int64_t rows : {0, 1, 5}) {
      check_gradients(*layer, distinct_tensor({rows, 3}, seed), random_segments(2, rows, seed));
      check_gradients(*layer, distinct_tensor({4, 3}, seed), random_segments(2, rows, seed, 4));
      check_gradients(*layer, distinct_tensor({4, 2, 3}, seed), random_segments(0, rows, seed, 4));
      ++seed;
    }
  }
}

TEST_CASE("activations compute what they are called", "[activation]") {
  const Variable x(random_tensor({3, 4}, 5));
  const Variable expected[] = {relu(x), tanh(x), sigmoid(x), gelu(x), softplus(x)};
  const char* names[] = {"ReLU", "Tanh", "Sigmoid", "GELU", "Softplus"};
  const auto layers = all_activations();
  for (size_t i = 0; i < layers.size(); ++i) {
    CHECK(same_bits((*layers[i])(x).value(), expected[i].value()));
    CHECK(layers[i]->describe() == names[i]);
    CHECK(layers[i]->parameter_count() == 0);
    const Tensor read = (*layers[i])(nn::Rows(x, {{}, Tensor::from<int64_t>({2, 2, 0, 1})})).values().value();
    CHECK(same_bits(read[1], expected[i].value()[2]));
    CHECK(same_bits(read[3], expected[i].value()[1]));
  }
}

TEST_CASE("activations refuse what does not fit", "[activation]") {
  using Catch::Matchers::Contains;
  for (const auto& layer : all_activations()) {
    CHECK_THAT(refusal<ValueError>([&] { (*layer)(Variable()); }), Contains("undefined"));
    CHECK_THAT(refusal<DTypeError>([&] { (*layer)(Variable(Tensor::zeros({2}, DType::i64))); }), Contains("i64"));
    CHECK_THAT(refusal<ValueError>([&] {
                 (*layer)(nn::Rows(Variable(Tensor::zeros({2, 2})), {{}, Tensor::from<int64_t>({2})}));
               }),
               Contains("2"));
  }
}

}  // namespace divvy::test
