#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "autograd/node.h"
#include "autograd/ops/binary.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/unary.h"
#include "tensor/error.h"
#include "tests/support/compare.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;

Variable leaf(const Shape& shape, uint64_t seed = 1) { return Variable(random_tensor(shape, seed, 0.5, 2), true); }

Tensor product(const Tensor& a, const Tensor& b) {
  Tensor result = Tensor::empty(a.shape(), DType::f64);
  for (int64_t i = 0; i < a.numel(); ++i) {
    result.mutable_data<double>()[i] = a.data<double>()[i] * b.data<double>()[i % b.numel()];
  }
  return result;
}

/// y = x^2 with the derivative factor * x.
Variable square_with(const Variable& x, double factor) {
  return record("square_with", product(x.value(), x.value()), {x},
                [=, value = x.value()](const Tensor& dy, Gradients& dx) {
                  dx[0] = product(product(dy, value), Tensor::scalar(factor, DType::f64));
                });
}

/// y = x^2 with a rule of one's own.
Variable square_by(const Variable& x, const std::function<Tensor(const Tensor& dy, const Tensor& x)>& rule) {
  return record("square_by", product(x.value(), x.value()), {x},
                [=, value = x.value()](const Tensor& dy, Gradients& dx) { dx[0] = rule(dy, value); });
}

Tensor twice(const Tensor& dy, const Tensor& x) { return product(product(dy, x), Tensor::scalar(2, DType::f64)); }

}  // namespace

TEST_CASE("gradcheck passes right gradients and says what it compared", "[gradcheck]") {
  const Variable x = leaf({2, 3});
  const GradcheckReport report = gradcheck([&] { return square_with(x, 2); }, {x});
  CHECK(report);
  CHECK(report.compared == 6 * 6 + 6);
  CHECK(report.text == "gradcheck: output [2, 3], 1 input; 42 derivatives compared, 0 off\n");
}

TEST_CASE("gradcheck finds a wrong factor, and shows where", "[gradcheck]") {
  Variable x = leaf({2, 3});
  x.set_name("weight");
  const GradcheckReport report = gradcheck([&] { return square_with(x, 3); }, {x});
  CHECK(!report);
  CHECK_THAT(report.text, Contains("42 derivatives compared, 12 off\n"));
  CHECK_THAT(report.text, Contains("  the gradient of input 0 weight [2, 3] is 1.5 times what it should be\n"));
  CHECK_THAT(report.text, Contains("  d output[0, 0] / d input 0 weight[0, 0]: numeric "));
  CHECK_THAT(report.text, Contains("  d <random cotangent, output> / d input 0 weight[0, 1]: numeric "));
  CHECK_THAT(report.text, Contains("  ... and 2 more\n"));
  const double value = x.value().data<double>()[0];
  CHECK_THAT(report.text, Contains(fmt::format("backward {:.10g}, off by {:.2g}\n", 3 * value, value)));
  CHECK(x.name() == "weight");
}

TEST_CASE("gradcheck finds a factor that is off by one in ten thousand", "[gradcheck]") {
  const Variable x = leaf({4});
  CHECK(!gradcheck([&] { return square_with(x, 2.0002); }, {x}));
  CHECK(!gradcheck([&] { return square_with(x, 2.0002); }, {x}, {.max_jacobian_entries = 0}));
}

TEST_CASE("gradcheck finds a wrong sign", "[gradcheck]") {
  const Variable x = leaf({4});
  const GradcheckReport report = gradcheck([&] { return square_with(x, -2); }, {x});
  CHECK(!report);
  CHECK_THAT(report.text, Contains("the gradient of input 0 [4] has the wrong sign"));
}

TEST_CASE("gradcheck finds a missing gradient", "[gradcheck]") {
  const Variable x = leaf({3}), w = leaf({3}, 2);
  SECTION("of one input of two") {
    const GradcheckReport report = gradcheck(
        [&] {
          return record("half", product(x.value(), w.value()), {x, w},
                        [=](const Tensor& dy, Gradients& dx) { dx[0] = product(dy, w.value()); });
        },
        {x, w});
    CHECK(!report);
    CHECK_THAT(report.text, Contains("no gradient arrives at input 1 [3]"));
    CHECK_THAT(report.text, !Contains("input 0"));
  }
  SECTION("because the history was cut") {
    const GradcheckReport report = gradcheck([&] { return x.detach() * x.detach(); }, {x});
    CHECK(!report);
    CHECK_THAT(report.text, Contains("no gradient arrives at input 0 [3]"));
  }
  SECTION("in the large") {
    const GradcheckReport report = gradcheck([&] { return x.detach() * w; }, {x, w}, {.max_jacobian_entries = 0});
    CHECK_THAT(report.text, Contains("no gradient arrives at input 0 [3]"));
  }
}

TEST_CASE("gradcheck finds a transposed gradient", "[gradcheck]") {
  const Variable x = leaf({3, 3}), w = leaf({3, 3}, 2);
  const auto multiply = [&](bool transpose) {
    return record("multiply", matmul(x.detach(), w.detach()).value(), {x}, [=](const Tensor& dy, Gradients& dx) {
      dx[0] = matmul(Variable(dy), w.detach(), {.transpose_b = !transpose}).value();
    });
  };
  CHECK(gradcheck([&] { return multiply(false); }, {x}));
  CHECK(!gradcheck([&] { return multiply(true); }, {x}));
  CHECK(!gradcheck([&] { return multiply(true); }, {x}, {.max_jacobian_entries = 0}));
}

TEST_CASE("gradcheck finds a gradient that is right for a cotangent of ones only", "[gradcheck]") {
  const Variable x = leaf({2, 3});
  SECTION("one that never looks at the cotangent") {
    const auto f = [&] {
      return square_by(
          x, [](const Tensor& dy, const Tensor& v) { return twice(Tensor::full(dy.shape(), 1, DType::f64), v); });
    };
    CHECK(!gradcheck(f, {x}));
    CHECK(!gradcheck(f, {x}, {.max_jacobian_entries = 0}));
  }
  SECTION("one that gives every row the gradient of a softmax's plain sum, which is 0") {
    const auto f = [&] {
      return record("softmax", softmax(x.detach()).value(), {x},
                    [](const Tensor& dy, Gradients& dx) { dx[0] = Tensor::zeros_like(dy); });
    };
    CHECK(!gradcheck(f, {x}));
    CHECK(!gradcheck(f, {x}, {.max_jacobian_entries = 0}));
  }
  SECTION("one that hands each element its neighbor's cotangent") {
    const auto shifted = [](const Tensor& dy, const Tensor& v) {
      Tensor other = dy.clone();
      std::rotate(other.mutable_data<double>(), other.mutable_data<double>() + 1,
                  other.mutable_data<double>() + dy.numel());
      return twice(other, v);
    };
    CHECK(!gradcheck([&] { return square_by(x, shifted); }, {x}));
    CHECK(!gradcheck([&] { return square_by(x, shifted); }, {x}, {.max_jacobian_entries = 0}));
  }
  SECTION("one that is right for each entry alone and mixes them up together") {
    const auto clipped = [](const Tensor& dy, const Tensor& v) {
      const auto values = dy.values<double>();
      const bool alone = std::count(values.begin(), values.end(), 0.0) + 1 >= dy.numel();
      return alone ? twice(dy, v) : twice(Tensor::full(dy.shape(), 1, DType::f64), v);
    };
    CHECK(!gradcheck([&] { return square_by(x, clipped); }, {x}));
  }
}

TEST_CASE("gradcheck compares large problems along random directions", "[gradcheck]") {
  const Variable x = leaf({40, 30}), w = leaf({30, 20}, 2);
  const auto right = gradcheck([&] { return tanh(matmul(x, w)); }, {x, w}, {.directions = 6});
  CHECK(right);
  CHECK(right.compared == 12);
  CHECK(right.text == "gradcheck: output [40, 20], 2 inputs; 12 derivatives compared, 0 off\n");
  const auto wrong = gradcheck([&] { return square_with(matmul(x, w), 2.5); }, {x, w});
  CHECK(!wrong);
  CHECK_THAT(wrong.text,
             Contains("d <random cotangent, output> along random direction 3 of input 1 [30, 20]: numeric "));
  CHECK_THAT(wrong.text, Contains("the gradient of input 1 [30, 20] is 1.25 times what it should be"));
  // One entry in 1,200 is wrong.
  const auto spoilt = [](const Tensor& dy, const Tensor& v) {
    Tensor dx = twice(dy, v);
    dx.mutable_data<double>()[777] *= 1.1;
    return dx;
  };
  CHECK(!gradcheck([&] { return square_by(x, spoilt); }, {x}));
}

TEST_CASE("gradcheck judges right and wrong gradients alike at every magnitude of the input", "[gradcheck]") {
  struct Function {
    const char* name;
    double (*value)(double);
    double (*derivative)(double);
    double least = 1e-9, most = 1e9;  ///< magnitudes at which it has values and derivatives to compare
  };
  const Function functions[] = {
      {"2 x", [](double x) { return 2 * x; }, [](double) { return 2.0; }},
      {"x^2", [](double x) { return x * x; }, [](double x) { return 2 * x; }},
      {"x^3", [](double x) { return x * x * x; }, [](double x) { return 3 * x * x; }},
      {"1 / x", [](double x) { return 1 / x; }, [](double x) { return -1 / (x * x); }},
      {"log |x|", [](double x) { return std::log(std::abs(x)); }, [](double x) { return 1 / x; }},
      {"sqrt |x|", [](double x) { return std::sqrt(std::abs(x)); },
       [](double x) { return std::copysign(0.5, x) / std::sqrt(std::abs(x)); }},
      {"sin", [](double x) { return std::sin(x); }, [](double x) { return std::cos(x); }},
      {"exp", [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); }, 1e-9, 1},
      {"tanh", [](double x) { return std::tanh(x); }, [](double x) { return 1 / (std::cosh(x) * std::cosh(x)); }, 1e-9,
       1}};
  const auto applied = [](const Tensor& x, const auto& f) {
    Tensor y = Tensor::empty_like(x);
    for (int64_t i = 0; i < x.numel(); ++i) y.mutable_data<double>()[i] = f(x.data<double>()[i], i);
    return y;
  };
  for (const Function& f : functions) {
    for (double scale = f.least; scale <= f.most * 1.1; scale *= 10) {
      const Variable x(Tensor::from({0.3 * scale, -1.7 * scale, 2.1 * scale}), true);
      // What the rule gives instead of the derivative of element i.
      const auto judged = [&](const auto& rule, int64_t entries) {
        const auto y = [&] {
          return record(f.name, applied(x.value(), [&](double v, int64_t) { return f.value(v); }), {x},
                        [&, value = x.value()](const Tensor& dy, Gradients& dx) {
                          dx[0] = product(
                              dy, applied(value, [&](double v, int64_t i) { return rule(f.derivative(v), i); }));
                        });
        };
        return gradcheck(y, {x}, {.max_jacobian_entries = entries});
      };
      for (const int64_t entries : {1000, 0}) {
        INFO(f.name << " at " << scale << (entries > 0 ? "" : ", along directions"));
        const auto right = judged([](double d, int64_t) { return d; }, entries);
        INFO(right.text);
        CHECK(right);
        CHECK(!judged([](double d, int64_t) { return 1.001 * d; }, entries));
        CHECK(!judged([](double d, int64_t) { return -d; }, entries));
        CHECK(!judged([](double, int64_t) { return 0.0; }, entries));
        CHECK(!judged([](double d, int64_t i) { return i == 2 ? 0.9 * d : d; }, entries));
      }
    }
  }
}

TEST_CASE("gradcheck finds a missing term, for inputs of any magnitude and of several", "[gradcheck]") {
  for (double scale = 1e-9; scale < 2e9; scale *= 10) {
    INFO("at " << scale);
    const Variable x(Tensor::from({0.3 * scale, -1.7 * scale, 2.1 * scale}), true);
    // x^2 + scale x; with or without the gradient of the second term.
    const auto f = [&](bool whole) { return add(square(x), mul(whole ? x : x.detach(), scale)); };
    CHECK(gradcheck([&] { return f(true); }, {x}));
    CHECK(!gradcheck([&] { return f(false); }, {x}));
    const Variable w(Tensor::from({0.5, 1.5, -2.0}), true);
    CHECK(gradcheck([&] { return mul(square(x), w); }, {x, w}));
    CHECK(!gradcheck([&] { return mul(square(x), w.detach()); }, {x, w}));
  }
  const Variable mixed(Tensor::from({3e-9, -2.0, 5e8}), true);
  CHECK(gradcheck([&] { return square(mixed); }, {mixed}));
  CHECK(!gradcheck([&] { return square_with(mixed, 2.002); }, {mixed}));
}

TEST_CASE("gradcheck reports a gradient that is not finite, and whose it is", "[gradcheck]") {
  Variable x = leaf({2}), w = leaf({2}, 2);
  w.set_name("weight");
  const auto report = gradcheck(
      [&] {
        return record("bad", product(x.value(), w.value()), {x, w}, [=](const Tensor& dy, Gradients& dx) {
          dx[0] = product(dy, w.value());
          dx[1] = Tensor::full({2}, std::nan(""), DType::f64);
        });
      },
      {x, w});
  CHECK(!report);
  CHECK_THAT(report.text, Contains("non-finite gradient in input 1 weight"));
  CHECK(w.name() == "weight");
}

TEST_CASE("gradcheck says that f is not deterministic", "[gradcheck]") {
  const Variable x = leaf({3});
  std::mt19937_64 random(1);
  const auto report = gradcheck([&] { return x * static_cast<double>(random() % 1000); }, {x});
  CHECK(!report);
  CHECK_THAT(report.text, Contains("f is not deterministic"));
}

TEST_CASE("gradcheck gives the leaves back as they were", "[gradcheck]") {
  Variable x = leaf({3});
  const Tensor before = x.value(), copy = before.clone();
  gradcheck([&] { return x * x; }, {x});
  CHECK(x.value().shares_memory_with(before));
  CHECK(same_bits(x.value(), copy));
  CHECK(!x.grad().defined());
  CHECK(x.name().empty());
  int calls = 0;  // also where f throws, with a value that was moved
  const auto throws = [&] {
    if (++calls == 4) fail<ValueError>("enough");
    return x * x;
  };
  CHECK_THAT(refusal<ValueError>([&] { gradcheck(throws, {x}); }), Contains("enough"));
  CHECK(x.value().shares_memory_with(before));
  CHECK(!x.grad().defined());
}

TEST_CASE("gradcheck of empty and of scalar values", "[gradcheck]") {
  const Variable none = leaf({0, 3}), one = leaf({});
  bool ran = false;
  const auto report = gradcheck(
      [&] {
        return record("nothing", none.value(), {none}, [&](const Tensor& dy, Gradients& dx) {
          ran = true;
          dx[0] = dy;
        });
      },
      {none});
  CHECK(report);
  CHECK(ran);  // the rule of an empty input must at least not fail
  CHECK(gradcheck([&] { return exp(one); }, {one}));
  CHECK_THAT(gradcheck([&] { return square_with(one, 1); }, {one}).text, Contains("d output / d input 0: numeric"));
}

TEST_CASE("gradcheck refuses what it cannot check", "[gradcheck]") {
  const Variable single(Tensor::zeros({2}), true), constant(Tensor::zeros({2}, DType::f64)), x = leaf({2});
  CHECK_THAT(refusal<DTypeError>([&] { gradcheck([&] { return single; }, {single}); }),
             Contains("input 0 must be f64, got f32"));
  CHECK_THAT(refusal<ValueError>([&] {
               gradcheck([&] { return x * x; }, {x, constant});
             }),
             Contains("input 1 requires no"));
  const Variable made = x * x;
  CHECK_THAT(refusal<ValueError>([&] { gradcheck([&] { return exp(made); }, {made}); }),
             Contains("result of an operation"));
  CHECK_THAT(refusal<DTypeError>([&] { gradcheck([&] { return single * single; }, {x}); }),
             Contains("f must give f64"));
}

}  // namespace divvy::test
