#include "autograd/ops/binary.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"
#include "tests/support/broadcast.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

/// What the operands of an operation may be.
enum class Domain {
  any,      ///< away from 0, so that they can be divided by
  no_ties,  ///< no two are nearer than the step of gradcheck
  positive
};

/// The three forms of an operation, and what it computes.
struct Forms {
  Variable (*op)(const Variable&, const Variable&);
  Variable (*left)(double, const Variable&);
  Variable (*right)(const Variable&, double);
  double (*reference)(double, double);
  Domain domain = Domain::any;
};

Tensor naive(const Tensor& a, const Tensor& b, double (*f)(double, double)) {
  Tensor y = Tensor::empty(broadcast_shapes("naive", a.shape(), b.shape()), DType::f64);
  const auto left = broadcast_values(a, y.shape()), right = broadcast_values(b, y.shape());
  for (size_t i = 0; i < left.size(); ++i) y.mutable_values<double>()[i] = f(left[i], right[i]);
  return y;
}

Tensor operand(Domain domain, const Shape& shape, uint64_t seed, bool second, bool large) {
  if (domain == Domain::positive || (large && domain == Domain::any)) return random_tensor(shape, seed, 0.5, 2);
  // The grids of the two operands are half a step apart.
  const double gap = large ? 1e-4 : 0.1;
  Tensor x = distinct_tensor(shape, seed, gap);
  for (double& v : x.mutable_values<double>()) v += second ? gap / 2 : 0;
  return x;
}

void add_samples(const Forms& forms, OpCase& result) {
  const std::pair<Shape, Shape> shapes[] = {{{}, {}},
                                            {{1}, {1}},
                                            {{5}, {5}},
                                            {{0}, {0}},
                                            {{0}, {1}},
                                            {{3, 0}, {0}},
                                            {{4, 5}, {4, 5}},
                                            {{4, 5}, {5}},
                                            {{5}, {4, 5}},
                                            {{4, 5}, {4, 1}},
                                            {{4, 1}, {4, 5}},
                                            {{4, 5}, {}},
                                            {{}, {4, 5}},
                                            {{4, 5}, {1, 1}},
                                            {{4, 1}, {1, 5}},
                                            {{1, 5}, {4, 1}},
                                            {{2, 3, 4}, {3, 1}},
                                            {{2, 1, 4}, {1, 3, 1}},
                                            {{3}, {2, 1, 1}},
                                            {{2, 3, 2, 2}, {3, 1, 1}},
                                            // Several tiles.
                                            {{130, 300}, {130, 300}},
                                            {{130, 300}, {300}},
                                            {{130, 1}, {130, 300}},
                                            {{20000, 2}, {2}},
                                            {{}, {40000}}};
  uint64_t seed = 1;
  for (const auto& [a, b] : shapes) {
    const bool large = std::max(a.numel(), b.numel()) > 1000;
    result.samples.push_back(
        {fmt::format("{} with {}", a, b),
         {operand(forms.domain, a, seed, false, large), operand(forms.domain, b, seed + 1, true, large)},
         [=](const auto& in) { return forms.op(in[0], in[1]); },
         [=](const auto& in) { return naive(in[0], in[1], forms.reference); }});
    seed += 2;
  }
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{7}, Shape{2, 3}}) {
    const Tensor x = operand(forms.domain, shape, seed++, false, false), number = Tensor::scalar(1.25, DType::f64);
    result.samples.push_back({fmt::format("{} with a number", shape),
                              {x},
                              [=](const auto& in) { return forms.right(in[0], 1.25); },
                              [=](const auto& in) { return naive(in[0], number, forms.reference); }});
    result.samples.push_back({fmt::format("a number with {}", shape),
                              {x},
                              [=](const auto& in) { return forms.left(1.25, in[0]); },
                              [=](const auto& in) { return naive(number, in[0], forms.reference); }});
  }
}

OpCase binary_case(const Forms& forms) {
  OpCase result;
  add_samples(forms, result);
  const auto op = forms.op;
  const Variable x(Tensor::zeros({2, 3})), ints(Tensor::zeros({3}, DType::i64));
  result.errors = {
      refuses<ShapeError>(
          "shapes that do not fit", [=] { op(x, Variable(Tensor::zeros({2}))); }, "[2, 3] and [2]"),
      refuses<ShapeError>(
          "0 against 2",
          [=] {
            op(x, Variable(Tensor::zeros({0, 3})));
          },
          "do not broadcast"),
      refuses<DTypeError>(
          "two types", [=] { op(x, Variable(Tensor::zeros({3}, DType::f64))); }, "must be f32, got f64"),
      refuses<DTypeError>(
          "integers", [=] { op(ints, ints); }, "f32 or f64, got i64"),
      refuses<DTypeError>(
          "an integer and a number", [=] { forms.right(ints, 1); }, "f32 or f64, got i64"),
      refuses<ValueError>(
          "no first variable", [=] { op(Variable(), x); }, "undefined"),
      refuses<ValueError>(
          "no second variable", [=] { op(x, Variable()); }, "undefined"),
  };
  return result;
}

}  // namespace

TEST_CASE("add", "[op]") {
  check(binary_case({add, add, add, [](double a, double b) { return a + b; }}));
}
TEST_CASE("sub", "[op]") {
  check(binary_case({sub, sub, sub, [](double a, double b) { return a - b; }}));
}
TEST_CASE("mul", "[op]") {
  check(binary_case({mul, mul, mul, [](double a, double b) { return a * b; }}));
}
TEST_CASE("div", "[op]") {
  check(binary_case({div, div, div, [](double a, double b) { return a / b; }}));
}
TEST_CASE("maximum", "[op]") {
  check(binary_case({maximum, maximum, maximum, [](double a, double b) { return a > b ? a : b; }, Domain::no_ties}));
}
TEST_CASE("minimum", "[op]") {
  check(binary_case({minimum, minimum, minimum, [](double a, double b) { return a < b ? a : b; }, Domain::no_ties}));
}
TEST_CASE("pow", "[op]") {
  check(binary_case({pow, pow, pow, [](double a, double b) { return std::pow(a, b); }, Domain::positive}));
}

TEST_CASE("operators are the operations of the same name") {
  const Variable a(distinct_tensor({2, 3}, 1)), b(distinct_tensor({3}, 2));
  CHECK(same_bits((a + b).value(), add(a, b).value()));
  CHECK(same_bits((a - b).value(), sub(a, b).value()));
  CHECK(same_bits((a * b).value(), mul(a, b).value()));
  CHECK(same_bits((a / b).value(), div(a, b).value()));
  CHECK(same_bits((a + 2).value(), add(a, 2).value()));
  CHECK(same_bits((a - 2).value(), sub(a, 2).value()));
  CHECK(same_bits((a * 2).value(), mul(a, 2).value()));
  CHECK(same_bits((a / 2).value(), div(a, 2).value()));
  CHECK(same_bits((2 + a).value(), add(2, a).value()));
  CHECK(same_bits((2 - a).value(), sub(2, a).value()));
  CHECK(same_bits((2 * a).value(), mul(2, a).value()));
  CHECK(same_bits((2 / a).value(), div(2, a).value()));
}

TEST_CASE("an operand may be used twice") {
  Variable x(Tensor::from({1., -2., 3.}), true);
  backward(x * x + x / x, Tensor::from({1., 1., 2.}));
  CHECK(difference(x.grad(), Tensor::from({2., -4., 12.}), 1e-15, 0) == "");
}

TEST_CASE("only what backward reads is saved") {
  // Both factors may change where only a constant one is read.
  Variable x(Tensor::full({3}, 2), true), c(Tensor::full({3}, 5));
  const Variable y = x * c, z = x / c, w = x - c;
  x.mutable_value().mutable_data<float>()[0] = 7;
  backward(y + z + w, Tensor::full({3}, 1));
  CHECK(difference(x.grad(), Tensor::full({3}, 6.2), 1e-6, 0) == "");
  c.mutable_value().mutable_data<float>()[0] = 7;
  const Variable v = x * c;
  c.mutable_value().mutable_data<float>()[0] = 8;
  CHECK_THROWS_AS(backward(v, Tensor::full({3}, 1)), GraphError);
}

}  // namespace divvy::test
