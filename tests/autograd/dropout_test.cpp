#include "autograd/ops/dropout.h"

#include <cmath>

#include "kernels/dropout.h"
#include "tensor/error.h"
#include "tests/support/devices.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

Tensor naive_dropout(const Tensor& x, double p, uint64_t seed) {
  Generator generator(seed);
  const Tensor keep = generator.bernoulli(x.shape(), 1 - p);
  Tensor y = Tensor::zeros_like(x);
  for (int64_t i = 0; i < x.numel(); ++i) {
    if (keep.data<uint8_t>()[i] != 0) y.mutable_data<double>()[i] = x.data<double>()[i] / (1 - p);
  }
  return y;
}

}  // namespace

TEST_CASE("dropout", "[op]") {
  OpCase result;
  uint64_t seed = 1;
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{3, 0, 2}, Shape{5, 7}, Shape{2, 3, 4, 5}}) {
    for (double p : {0.0, 0.2, 0.9}) {
      ++seed;
      result.samples.push_back({fmt::format("{} with p = {}", shape, p),
                                {random_tensor(shape, seed)},
                                [=](const auto& in) {
                                  Generator generator(seed);
                                  return dropout(in[0], p, generator, true);
                                },
                                [=](const auto& in) { return p == 0 ? in[0] : naive_dropout(in[0], p, seed); }});
    }
  }
  const auto with = [](double p, const Variable& x = Variable(Tensor::zeros({2, 3}))) {
    return [=] {
      Generator generator;
      dropout(x, p, generator, true);
    };
  };
  result.errors = {
      refuses<ValueError>("p = 1", with(1), "[0, 1), got 1"),
      refuses<ValueError>("p = -0.1", with(-0.1), "[0, 1), got -0.1"),
      refuses<ValueError>("p = NaN", with(std::nan("")), "[0, 1), got nan"),
      refuses<DTypeError>("integers", with(0.5, Variable(Tensor::zeros({2}, DType::i64))), "f32 or f64, got i64"),
      refuses<ValueError>("no variable", with(0.5, Variable()), "undefined"),
  };
  check(result);
}

TEST_CASE("dropout leaves x alone in evaluation and draws nothing", "[op]") {
  Generator generator;
  const Variable x(random_tensor({4, 5}, 1));
  CHECK(dropout(x, 0.5, generator, false).is(x));
  CHECK(dropout(x, 0, generator, true).is(x));
  CHECK(generator.offset() == 0);
  CHECK_THROWS_AS(dropout(x, 1, generator, false), ValueError);
}

TEST_CASE("dropout keeps the mean and drops the share that was asked for", "[op]") {
  Generator generator(3);
  const int64_t count = 200000;
  for (double p : {0.1, 0.5, 0.8}) {
    const Tensor y = dropout(Variable(Tensor::full({count}, 1)), p, generator, true).value();
    int64_t dropped = 0;
    double sum = 0;
    for (float value : y.values<float>()) {
      dropped += value == 0;
      sum += value;
    }
    const double share = static_cast<double>(dropped) / static_cast<double>(count);
    CHECK(std::abs(share - p) < 5 * std::sqrt(p * (1 - p) / static_cast<double>(count)));
    CHECK(std::abs(sum / static_cast<double>(count) - (1 - share) / (1 - p)) < 1e-5);
  }
}

TEST_CASE("dropout draws anew on each call, and the same again from the same state", "[op]") {
  Generator generator(5);
  const Variable x(Tensor::full({1000}, 1));
  const Tensor first = dropout(x, 0.5, generator, true).value(), second = dropout(x, 0.5, generator, true).value();
  CHECK_FALSE(same_bits(first, second));
  generator.set_offset(0);
  CHECK(same_bits(dropout(x, 0.5, generator, true).value(), first));
}

TEST_CASE("the dropout kernel drops what is not finite, and checks its operands", "[op]") {
  const Tensor x = Tensor::from({INFINITY, 1.f, NAN, 2.f}), keep = Tensor::from<uint8_t>({0, 1, 0, 255});
  Tensor y = Tensor::empty_like(x), longer = Tensor::zeros({5}), f64 = Tensor::zeros({4}, DType::f64);
  for (const Device device : available_devices()) {
    Tensor there = Tensor::empty_like(x.to(device));
    kernels::dropout(x.to(device), keep.to(device), 2, there);
    CHECK(same_bits(there.to(Device::cpu()), Tensor::from({0.f, 2.f, 0.f, 4.f})));
  }
  CHECK_THROWS_AS(kernels::dropout(x, keep, 2, longer), ShapeError);
  CHECK_THROWS_AS(kernels::dropout(x, keep, 2, f64), DTypeError);
  CHECK_THROWS_AS(kernels::dropout(x, x, 2, y), DTypeError);
  CHECK_THROWS_AS(kernels::dropout(longer, keep, 2, longer), ShapeError);
}

}  // namespace divvy::test
