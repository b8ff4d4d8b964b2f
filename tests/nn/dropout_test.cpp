#include "nn/dropout.h"

#include "autograd/gradcheck.h"
#include "nn/sequential.h"
#include "tests/support/layer_case.h"
#include "tests/support/refusal.h"

namespace divvy::test {

TEST_CASE("gradients of Dropout", "[dropout][device]") {
  Generator generator(1);
  uint64_t seed = 1;
  for (const Shape& shape :
       {Shape{0}, Shape{1}, Shape{7}, Shape{0, 3}, Shape{3, 0}, Shape{4, 5}, Shape{2, 3, 4, 2}, Shape{1, 1}}) {
    for (double p : {0.0, 0.5, 0.9}) {
      nn::Dropout layer(p, generator);
      const nn::StateDict start = layer.state_dict();
      const Variable x(random_tensor(shape, ++seed), true);
      // The same elements must be dropped in every call, or there is no derivative to speak of.
      const auto report = gradcheck(
          [&] {
            layer.load_state_dict(start);
            return layer(x);
          },
          {x});
      INFO(shape.to_string() << " p " << p << "\n" << report.text);
      CHECK(report.ok);
      layer.eval();
      check_gradients(layer, random_tensor(shape, seed), {});
    }
  }
}

TEST_CASE("Dropout drops in training only and keeps the mean", "[dropout]") {
  Generator generator(2);
  nn::Dropout layer(0.25, generator);
  const Variable x(Tensor::full({100, 100}, 3));
  const auto values = layer(x).value().to_doubles();
  int64_t dropped = 0;
  for (double v : values) {
    dropped += v == 0 ? 1 : 0;
    CHECK((v == 0 || v == 4));
  }
  CHECK(std::abs(static_cast<double>(dropped) - 2500) < 200);
  CHECK_FALSE(same_bits(layer(x).value(), layer(x).value()));
  layer.eval();
  const Tensor state = layer.state_dict().at("generator");
  CHECK(same_bits(layer(x).value(), x.value()));
  CHECK(same_bits(layer.state_dict().at("generator"), state));
  const Tensor read = layer(nn::Rows(x, {{}, Tensor::from<int64_t>({5, 5, 1})})).values().value();
  CHECK(read.shape() == Shape{3, 100});
}

TEST_CASE("a Dropout goes on from its state dictionary", "[dropout]") {
  Generator generator(3);
  nn::Dropout first(0.5, generator), second(0.5, generator);
  const Variable x(Tensor::full({50}, 1));
  const Tensor one = first(x).value();
  CHECK_FALSE(same_bits(one, second(x).value()));
  second.load_state_dict(first.state_dict());
  CHECK(same_bits(first(x).value(), second(x).value()));
  Generator again(3);
  second.reset(again);
  CHECK(same_bits(second(x).value(), one));
  CHECK(second.named_buffers()[0].second.device() == Device::cpu());
}

TEST_CASE("Dropout describes itself and refuses probabilities out of range", "[dropout]") {
  Generator generator;
  CHECK(nn::Dropout(0.25, generator).describe() == "Dropout(0.25)");
  CHECK(nn::Dropout(0.25, generator).p() == 0.25);
  for (double bad : {-0.1, 1.0, std::nan("")}) {
    CHECK_THAT(refusal<ValueError>([&] { nn::Dropout(bad, generator); }),
               Catch::Matchers::Contains("p must be in [0, 1)"));
  }
  CHECK_THAT(refusal<ValueError>([&] { nn::Dropout(0.5, generator)(Variable()); }),
             Catch::Matchers::Contains("undefined"));
}

}  // namespace divvy::test
