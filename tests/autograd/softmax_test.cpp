#include "autograd/ops/softmax.h"

#include <cmath>

#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

Tensor naive_softmax(const Tensor& x, double temperature, bool log) {
  Tensor y = Tensor::empty_like(x);
  const double* in = x.data<double>();
  double* out = y.mutable_data<double>();
  const int64_t cols = x.shape().cols();
  for (int64_t r = 0; r < (x.numel() == 0 ? 0 : x.shape().rows()); ++r) {
    double sum = 0;
    for (int64_t c = 0; c < cols; ++c) sum += std::exp(in[r * cols + c] / temperature);
    for (int64_t c = 0; c < cols; ++c) {
      const double p = std::exp(in[r * cols + c] / temperature) / sum;
      out[r * cols + c] = log ? std::log(p) : p;
    }
  }
  return y;
}

OpCase softmax_case(Variable (*op)(const Variable&, double), bool log) {
  OpCase result;
  const Shape shapes[] = {{1}, {5}, {0}, {0, 3}, {3, 0}, {1, 1}, {4, 1}, {1, 7}, {3, 8}, {5, 17}, {2, 3, 4}, {2, 0, 4}};
  uint64_t seed = 1;
  for (const Shape& shape : shapes) {
    for (double temperature : {1.0, 0.5, 4.0}) {
      result.samples.push_back({fmt::format("{} at temperature {}", shape, temperature),
                                {random_tensor(shape, seed++, -3, 3)},
                                [=](const auto& in) { return op(in[0], temperature); },
                                [=](const auto& in) { return naive_softmax(in[0], temperature, log); }});
    }
  }
  const Variable x(Tensor::zeros({2, 3}));
  result.errors = {
      refuses<ValueError>(
          "temperature 0", [=] { op(x, 0); }, "temperature must lie in [1e-30, 1e30], got 0"),
      refuses<ValueError>(
          "temperature NaN", [=] { op(x, std::nan("")); }, "temperature must lie in"),
      refuses<ShapeError>(
          "a scalar", [=] { op(Variable(Tensor::scalar(1)), 1); }, "rank 1 or more, got []"),
      refuses<DTypeError>(
          "integers", [=] { op(Variable(Tensor::zeros({2}, DType::i64)), 1); }, "f32 or f64, got i64"),
      refuses<ValueError>(
          "no variable", [=] { op(Variable(), 1); }, "undefined"),
  };
  return result;
}

}  // namespace

TEST_CASE("softmax", "[op]") { check(softmax_case(softmax, false)); }
TEST_CASE("log_softmax", "[op]") { check(softmax_case(log_softmax, true)); }

TEST_CASE("softmax of huge and of equal scores stays finite", "[op]") {
  const Variable y = softmax(Variable(Tensor::from({1e30f, -1e30f, 1e30f, 7.f, 7.f, 7.f}, {2, 3})));
  CHECK(difference(y.value(), Tensor::from({0.5, 0.0, 0.5, 1 / 3., 1 / 3., 1 / 3.}, {2, 3}), 1e-6, 0) == "");
}

}  // namespace divvy::test
