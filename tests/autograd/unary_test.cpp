#include "autograd/ops/unary.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

using Op = Variable (*)(const Variable&);
using Function = double (*)(double);

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// What the inputs of an operation may be.
enum class Domain { real, positive, no_zero };

Tensor inputs_of(Domain domain, const Shape& shape, uint64_t seed, double scale) {
  switch (domain) {
    case Domain::positive: return random_tensor(shape, seed, 0.2, 0.2 + scale);
    case Domain::no_zero: return distinct_tensor(shape, seed, 0.01 * scale);
    default: return random_tensor(shape, seed, -scale, scale);
  }
}

Tensor each(const Tensor& x, Function f) {
  Tensor y = Tensor::empty_like(x);
  for (int64_t i = 0; i < x.numel(); ++i) y.mutable_data<double>()[i] = f(x.data<double>()[i]);
  return y;
}

OpCase unary_case(Op op, Domain domain, Function reference) {
  OpCase result;
  const Shape shapes[] = {{}, {0}, {1}, {3}, {16}, {37}, {0, 3}, {1, 1}, {4, 5}, {2, 3, 4}, {2, 0, 4}};
  uint64_t seed = 1;
  for (const Shape& shape : shapes) {
    for (double scale : {1.0, 3.0}) {
      result.samples.push_back({fmt::format("{} within {}", shape, scale),
                                {inputs_of(domain, shape, seed++, scale)},
                                [=](const auto& in) { return op(in[0]); },
                                [=](const auto& in) { return each(in[0], reference); }});
    }
  }
  // Several tiles, the last one ragged.
  result.samples.push_back({"[40001]",
                            {random_tensor({40001}, seed, 0.5, 2)},
                            [=](const auto& in) { return op(in[0]); },
                            [=](const auto& in) { return each(in[0], reference); }});
  result.errors = {
      refuses<DTypeError>(
          "integers", [=] { op(Variable(Tensor::zeros({2}, DType::i64))); }, "f32 or f64, got i64"),
      refuses<ValueError>(
          "no variable", [=] { op(Variable()); }, "undefined"),
  };
  return result;
}

/// Values and derivatives at chosen points, in f64 and in f32.
struct Point {
  double x, y, slope;
};

void check_points(Op op, const std::vector<Point>& points, double rtol = 1e-15, double f32_rtol = 1e-6) {
  for (const DType dtype : {DType::f64, DType::f32}) {
    for (const Point& point : points) {
      INFO("x = " << point.x << " " << name_of(dtype));
      Variable x(Tensor::full({1}, point.x, dtype), true);
      const Variable y = op(x);
      const double tolerance = dtype == DType::f64 ? rtol : f32_rtol;
      CHECK(difference(y.value(), Tensor::full({1}, point.y, dtype), tolerance, 0) == "");
      if (!std::isfinite(point.y)) continue;  // backward refuses an infinite root
      backward(y);
      CHECK(difference(x.grad(), Tensor::full({1}, point.slope, dtype), tolerance, 0) == "");
    }
  }
}

}  // namespace

TEST_CASE("exp", "[op]") {
  check(unary_case(exp, Domain::real, [](double x) { return std::exp(x); }));
}
TEST_CASE("log", "[op]") {
  check(unary_case(log, Domain::positive, [](double x) { return std::log(x); }));
}
TEST_CASE("sqrt", "[op]") {
  check(unary_case(sqrt, Domain::positive, [](double x) { return std::sqrt(x); }));
}
TEST_CASE("rsqrt", "[op]") {
  check(unary_case(rsqrt, Domain::positive, [](double x) { return 1 / std::sqrt(x); }));
}
TEST_CASE("abs", "[op]") {
  check(unary_case(abs, Domain::no_zero, [](double x) { return x < 0 ? -x : x; }));
}
TEST_CASE("sin", "[op]") {
  check(unary_case(sin, Domain::real, [](double x) { return std::sin(x); }));
}
TEST_CASE("cos", "[op]") {
  check(unary_case(cos, Domain::real, [](double x) { return std::cos(x); }));
}
TEST_CASE("tanh", "[op]") {
  check(unary_case(tanh, Domain::real, [](double x) { return std::tanh(x); }));
}
TEST_CASE("sigmoid", "[op]") {
  check(unary_case(sigmoid, Domain::real, [](double x) { return 1 / (1 + std::exp(-x)); }));
}
TEST_CASE("relu", "[op]") {
  check(unary_case(relu, Domain::no_zero, [](double x) { return x > 0 ? x : 0; }));
}
TEST_CASE("gelu", "[op]") {
  check(unary_case(gelu, Domain::real, [](double x) { return x * (1 + std::erf(x / std::numbers::sqrt2)) / 2; }));
}
TEST_CASE("softplus", "[op]") {
  check(unary_case(softplus, Domain::real, [](double x) { return std::log(1 + std::exp(x)); }));
}
TEST_CASE("erf", "[op]") {
  check(unary_case(erf, Domain::real, [](double x) { return std::erf(x); }));
}
TEST_CASE("neg", "[op]") {
  check(unary_case(neg, Domain::real, [](double x) { return -x; }));
}
TEST_CASE("minus as a sign", "[op]") {
  check(unary_case([](const Variable& x) { return -x; }, Domain::real, [](double x) { return -x; }));
}
TEST_CASE("square", "[op]") {
  check(unary_case(square, Domain::real, [](double x) { return x * x; }));
}

TEST_CASE("derivatives at the kinks of relu and abs are 0") {
  check_points(relu, {{0, 0, 0}, {-0.0, 0, 0}, {-kInfinity, 0, 0}});
  check_points(abs, {{0, 0, 0}, {-0.0, 0, 0}});
}

TEST_CASE("sigmoid, softplus, tanh, erf and gelu stay exact far from 0") {
  check_points(sigmoid, {{1000, 1, 0}, {-1000, 0, 0}, {kInfinity, 1, 0}, {-kInfinity, 0, 0}, {0, 0.5, 0.25}});
  check_points(softplus, {{1000, 1000, 1},
                          {-1000, 0, 0},
                          {-kInfinity, 0, 0},
                          {kInfinity, kInfinity, 1},
                          {0, std::numbers::ln2, 0.5},
                          {-30, 9.3576229688397368e-14, 9.3576229688392990e-14}});
  check_points(tanh, {{1000, 1, 0}, {-1000, -1, 0}, {1e-20, 1e-20, 1}, {0, 0, 1}});
  check_points(erf, {{1000, 1, 0}, {-kInfinity, -1, 0}, {1e-20, 1.1283791670955126e-20, 1.1283791670955126}});
  check_points(gelu, {{1000, 1000, 1}, {-1000, 0, 0}, {-kInfinity, 0, 0}, {kInfinity, kInfinity, 1}, {0, 0, 0.5}});
  // The lower tail keeps its digits: -8 P(-8), which 1 + erf(x) would round to a few bits.
  check_points(gelu, {{-8, -4.9767684594174273e-15, -3.9796072610867960e-14}}, 1e-13, 1e-5);
}

TEST_CASE("sin and cos at known angles and at infinity") {
  check_points(sin, {{0, 0, 1}, {-0.0, 0, 1}, {std::numbers::pi / 6, 0.5, std::numbers::sqrt3 / 2}});
  check_points(cos, {{0, 1, 0}, {std::numbers::pi / 3, 0.5, -std::numbers::sqrt3 / 2}});
  for (const Op op : {sin, cos}) CHECK(std::isnan(op(Variable(Tensor::scalar(kInfinity))).value().item()));
}

TEST_CASE("limits of exp, log, sqrt and rsqrt") {
  check_points(exp, {{1000, kInfinity, 0}, {-1000, 0, 0}, {-kInfinity, 0, 0}});
  check_points(log, {{0, -kInfinity, 0}, {kInfinity, kInfinity, 0}});
  check_points(sqrt, {{kInfinity, kInfinity, 0}, {4, 2, 0.25}});
  check_points(rsqrt, {{0, kInfinity, 0}, {kInfinity, 0, 0}, {4, 0.5, -0.0625}});
  CHECK(std::isnan(log(Variable(Tensor::scalar(-1))).value().item()));
  CHECK(std::isnan(sqrt(Variable(Tensor::scalar(-1))).value().item()));
  CHECK_THROWS_AS(backward(sqrt(Variable(Tensor::scalar(0), true))), NonFiniteError);
}

TEST_CASE("a NaN passes every unary operation") {
  const Variable x(Tensor::full({17}, std::nan("")));
  for (const Op op : {exp, log, sqrt, rsqrt, abs, sin, cos, tanh, sigmoid, relu, gelu, softplus, erf, neg, square}) {
    for (const double v : op(x).value().to_doubles()) CHECK(std::isnan(v));
  }
}

TEST_CASE("a saved value that was changed in place is refused") {
  Variable x(Tensor::full({3}, 0.5), true);
  const Variable y = exp(x), z = square(x);
  Tensor(y.value()).mutable_data<float>()[0] = 7;
  CHECK_THROWS_AS(backward(y, Tensor::full({3}, 1)), GraphError);
  x.mutable_value().mutable_data<float>()[0] = 7;
  CHECK_THROWS_AS(backward(z, Tensor::full({3}, 1)), GraphError);
}

}  // namespace divvy::test
