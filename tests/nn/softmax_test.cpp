#include "nn/softmax.h"

#include <cmath>

#include "autograd/ops/softmax.h"
#include "tests/support/layer_case.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using Catch::Matchers::Contains;

TEST_CASE("gradients of Softmax and Escort", "[softmax][device]") {
  nn::Softmax softmax(0.7);
  nn::Escort escort(1e-3);
  uint64_t seed = 1;
  const Shape shapes[] = {{1},    {5},    {0},     {0, 3},    {3, 0},    {1, 1}, {4, 1},
                          {1, 7}, {3, 8}, {5, 17}, {2, 3, 4}, {2, 0, 4}, {6, 2}};
  for (const Shape& shape : shapes) {
    for (nn::Module* layer : std::initializer_list<nn::Module*>{&softmax, &escort}) {
      check_gradients(*layer, random_tensor(shape, ++seed), {});
      if (shape[0] > 0) check_gradients(*layer, random_tensor(shape, seed), random_segments(2, 3, seed, shape[0]));
    }
  }
}

TEST_CASE("Softmax divides by its temperature", "[softmax]") {
  const Variable x(random_tensor({3, 4}, 1));
  nn::Softmax layer;
  CHECK(same_bits(layer(x).value(), softmax(x).value()));
  CHECK(layer.describe() == "Softmax");
  layer.set_temperature(2.5);
  CHECK(same_bits(layer(x).value(), softmax(x, 2.5).value()));
  CHECK(layer.temperature() == 2.5);
  CHECK(layer.describe() == "Softmax(temperature 2.5)");
  const Tensor read = layer(nn::Rows(x, {{}, Tensor::from<int64_t>({2, 2})})).values().value();
  CHECK(same_bits(read[1], softmax(x, 2.5).value()[2]));
}

TEST_CASE("Escort is x^2 / sum x^2, and uniform for a row of zeros", "[softmax]") {
  nn::Escort layer;
  const Variable x(Tensor::from({1., -2., 3., 0., 0., 0.}, {2, 3}), true);
  const Variable y = layer(x);
  CHECK(difference(y.value(), Tensor::from({1 / 14., 4 / 14., 9 / 14., 1 / 3., 1 / 3., 1 / 3.}, {2, 3}), 1e-12, 0) ==
        "");
  backward(y, random_tensor({2, 3}, 1));
  CHECK(x.grad().to_doubles()[4] == 0);
  const Variable single(Tensor::zeros({2, 3}), true);
  const Variable rows = layer(single);
  CHECK(difference(rows.value(), Tensor::full({2, 3}, 1 / 3., DType::f64), 1e-6, 0) == "");
  backward(rows, Tensor::full({2, 3}, 1));
  CHECK(single.grad().to_doubles() == std::vector<double>(6, 0));
}

TEST_CASE("the rows of Escort add up to 1 whatever their size", "[softmax]") {
  for (double scale : {1e-12, 1e-7, 1e-3, 1., 1e6}) {
    const Tensor y = nn::Escort()(Variable(random_tensor({5, 4}, 2, -scale, scale))).value();
    for (int64_t r = 0; r < 5; ++r) {
      double sum = 0;
      for (double p : y[r].to_doubles()) {
        CHECK(p > 0);
        sum += p;
      }
      CHECK(sum == Approx(1).epsilon(1e-12));
    }
  }
}

TEST_CASE("Softmax and Escort refuse what does not fit", "[softmax]") {
  for (double bad : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THAT(refusal<ValueError>([=] { nn::Softmax{bad}; }), Contains("temperature must lie in [1e-30, 1e30]"));
    CHECK_THAT(refusal<ValueError>([=] { nn::Softmax().set_temperature(bad); }), Contains("temperature must lie in"));
    CHECK_THAT(refusal<ValueError>([=] { nn::Escort{bad}; }), Contains("eps must be finite and positive"));
  }
  CHECK_THAT(refusal<ShapeError>([] { nn::Escort()(Variable(Tensor::scalar(1))); }),
             Contains("rank 1 or more, got []"));
  CHECK_THAT(refusal<ShapeError>([] { nn::Softmax()(Variable(Tensor::scalar(1))); }),
             Contains("rank 1 or more, got []"));
  CHECK_THAT(refusal<DTypeError>([] { nn::Escort()(Variable(Tensor::zeros({2}, DType::i64))); }), Contains("got i64"));
  CHECK_THAT(refusal<DTypeError>([] { nn::Softmax()(Variable(Tensor::zeros({2}, DType::i64))); }), Contains("got i64"));
}

}  // namespace divvy::test
