#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "autograd/node.h"
#include "autograd/ops/binary.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/unary.h"
#include "autograd/variable.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

Variable leaf(std::initializer_list<float> values) { return Variable(Tensor::from(values), true); }

std::vector<double> grad(const Variable& x) { return x.grad().to_doubles(); }

/// y = factor * x, with a rule written here.
Variable scaled(const Variable& x, float factor) {
  const auto times = [factor](const Tensor& t) {
    Tensor result = t.clone();
    for (float& value : result.mutable_values<float>()) value *= factor;
    return result;
  };
  return record("scaled", times(x.value()), {x}, [times](const Tensor& dy, Gradients& dx) { dx[0] = times(dy); });
}

/// y = x with whatever rule is to be tried.
Variable with_rule(const Variable& x, BackwardFunction rule) {
  return record("odd", x.value().clone(), {x}, std::move(rule));
}

using Catch::Matchers::Contains;

}  // namespace

TEST_CASE("a chain of 100,000 operations runs forward, backward and is destroyed", "[engine]") {
  const Variable x = leaf({1, 2});
  {
    Variable y = x;
    for (int i = 0; i < 100000; ++i) y = scaled(y, i % 2 == 0 ? 2.f : 0.5f);
    backward(y, Tensor::from<float>({3, 4}));
    CHECK(y.value().to_doubles() == std::vector<double>{1, 2});
  }
  CHECK(grad(x) == std::vector<double>{3, 4});
  Variable unused = x;  // and one that never runs backward
  for (int i = 0; i < 100000; ++i) unused = scaled(unused, 1);
}

TEST_CASE("a chain in which every value is used twice is destroyed without recursion", "[engine]") {
  Variable y = leaf({1});
  for (int i = 0; i < 100000; ++i) y = record("twice", y.value(), {y, y}, nullptr);
  y = Variable();
}

TEST_CASE("backward a second time needs retain_graph", "[engine]") {
  const Variable x = leaf({2, 3});
  const Variable y = sum(x * x);
  SECTION("without it is an error that names the operation, and gradients stay") {
    backward(y);
    CHECK_THAT(refusal<GraphError>([&] { backward(y); }),
               Contains("sum: backward has run") && Contains("retain_graph"));
    CHECK(grad(x) == std::vector<double>{4, 6});
  }
  SECTION("with it gradients accumulate") {
    backward(y, {}, {.retain_graph = true});
    backward(y);
    CHECK(grad(x) == std::vector<double>{8, 12});
    CHECK_THROWS_AS(backward(y), GraphError);
  }
  SECTION("of two losses that share a part, the second fails and leaves the gradients as they were") {
    const Variable shared = x * x, first = sum(shared), second = mean(shared);
    backward(first);
    CHECK_THAT(refusal<GraphError>([&] { backward(second); }), Contains("mul: backward has run"));
    CHECK(grad(x) == std::vector<double>{4, 6});
  }
}

TEST_CASE("gradients accumulate over graphs until zero_grad", "[engine]") {
  Variable x = leaf({2, 3});
  backward(sum(x * x));
  const Tensor first = x.grad();
  backward(sum(x));
  CHECK(grad(x) == std::vector<double>{5, 7});
  x.zero_grad();
  CHECK(!x.grad().defined());
  backward(sum(x));
  CHECK(grad(x) == std::vector<double>{1, 1});
}

TEST_CASE("a saved tensor that was changed in place is an error that names the operation", "[engine]") {
  Variable x = leaf({1, 2});
  SECTION("an input") {
    const Variable y = sum(x * x);
    x.mutable_value().mutable_values<float>()[0] = 5;
    const std::string text = refusal<GraphError>([&] { backward(y); });
    CHECK_THAT(text, Contains("mul: a tensor [2]") && Contains("changed in place"));
    CHECK(!x.grad().defined());
  }
  SECTION("a result, through another handle") {
    const Variable y = exp(x);
    Tensor handle = y.detach().value();
    handle.mutable_values<float>()[1] = 0;
    CHECK_THAT(refusal<GraphError>([&] { backward(sum(y)); }), Contains("exp: a tensor [2]"));
  }
  SECTION("a value that was replaced, not changed, is none") {
    const Variable y = sum(x * x);
    x.set_value(Tensor::from<float>({7, 7}));
    backward(y);
    CHECK(grad(x) == std::vector<double>{2, 4});
  }
  SECTION("nor a change after backward") {
    const Variable y = sum(x * x);
    backward(y);
    CHECK_NOTHROW(x.mutable_value().mutable_values<float>()[0] = 5);
  }
}

TEST_CASE("nothing is recorded under NoGrad, nor without a leaf that requires a gradient", "[engine]") {
  const Variable x = leaf({1, 2}), constant(Tensor::from<float>({3, 4}));
  {
    const NoGrad outer;
    {
      const NoGrad inner;
      CHECK(!sum(x).requires_grad());
    }
    CHECK(NoGrad::active());
    CHECK(!(x * x).requires_grad());
  }
  CHECK(!NoGrad::active());
  CHECK((x * constant).requires_grad());
  CHECK(!(constant * constant).requires_grad());
  CHECK(!(constant * constant).grad().defined());
  CHECK_THROWS_AS(backward(sum(constant)), GraphError);
  auto kept = std::make_shared<int>(1);  // what a rule saved is dropped where nothing is recorded
  const Variable y = with_rule(constant, [kept](const Tensor&, Gradients&) {});
  CHECK(kept.use_count() == 1);
}

TEST_CASE("a rule and what it saved are freed by backward, and kept by retain_graph", "[engine]") {
  const Variable x = leaf({1});
  auto kept = std::make_shared<int>(1);
  const Variable y = with_rule(x, [kept](const Tensor& dy, Gradients& dx) { dx[0] = dy; });
  backward(y, {}, {.retain_graph = true});
  CHECK(kept.use_count() == 2);
  backward(y);
  CHECK(kept.use_count() == 1);
}

TEST_CASE("detach cuts the history", "[engine]") {
  const Variable x = leaf({1, 2});
  const Variable y = x * x, cut = y.detach();
  CHECK(cut.is_leaf());
  CHECK(!cut.requires_grad());
  CHECK(cut.value().shares_memory_with(y.value()));
  backward(sum(x * cut));
  CHECK(grad(x) == std::vector<double>{1, 4});
}

TEST_CASE("retain_grad keeps the gradient of a result", "[engine]") {
  const Variable x = leaf({1, 2});
  Variable y = x * x, z = sum(y);
  y.retain_grad();
  z.retain_grad();
  backward(z, {}, {.retain_graph = true});
  CHECK(grad(y) == std::vector<double>{1, 1});
  CHECK(grad(z) == std::vector<double>{1});
  backward(z);
  CHECK(grad(y) == std::vector<double>{2, 2});
  CHECK(grad(x) == std::vector<double>{4, 8});
}

TEST_CASE("an operation without a gradient rule is named when a gradient reaches it", "[engine]") {
  const Variable x = leaf({1, 2});
  const Variable y = record("rounding", x.value(), {x}, nullptr);
  CHECK_THAT(refusal<GraphError>([&] { backward(sum(y)); }), Contains("rounding: this operation has no gradient rule"));
}

TEST_CASE("the engine refuses gradients that do not fit, and names the operation", "[engine]") {
  const Variable x = leaf({1, 2});
  const auto refused = [&](BackwardFunction rule) {
    const std::string text = refusal<GraphError>([&] { backward(sum(with_rule(x, rule))); });
    CHECK(!x.grad().defined());
    return text;
  };
  CHECK_THAT(refused([](const Tensor&, Gradients& dx) { dx[0] = Tensor::zeros({3}); }),
             Contains("odd: the gradient of input 0 is f32 [3], the input is f32 [2]"));
  CHECK_THAT(refused([](const Tensor&, Gradients& dx) { dx[0] = Tensor::zeros({2, 1}); }), Contains("f32 [2, 1]"));
  CHECK_THAT(refused([](const Tensor&, Gradients& dx) { dx[0] = Tensor::zeros({2}, DType::f64); }),
             Contains("is f64 [2], the input is f32 [2]"));
  CHECK_THAT(refused([](const Tensor& dy, Gradients& dx) { dx[1] = dy; }),
             Contains("odd: a gradient for input 1 of 1"));
  CHECK_THAT(refused([](const Tensor& dy, Gradients& dx) {
               dx[0] = dy;
               dx[0].mutable_values<float>()[0] = 9;
             }),
             Contains("odd: the gradient rule wrote to dy"));
}

TEST_CASE("a gradient that a rule leaves unset is zero", "[engine]") {
  const Variable x = leaf({1, 2});
  const Variable y = with_rule(x, [](const Tensor&, Gradients&) {});
  backward(sum(y + x));
  CHECK(grad(x) == std::vector<double>{1, 1});
}

TEST_CASE("a rule is told which gradients are wanted, and what it gives beyond them is ignored", "[engine]") {
  const Variable x = leaf({1, 2}), constant(Tensor::from<float>({3, 4}));
  bool asked = false;
  const Variable y = record("three", x.value(), {x, constant, Variable()}, [&](const Tensor& dy, Gradients& dx) {
    asked = dx.needs(0) && !dx.needs(1) && !dx.needs(2) && dx.size() == 3;
    dx[0] = dy;
    dx[1] = Tensor::zeros({17});
  });
  backward(sum(y));
  CHECK(asked);
  CHECK(!constant.grad().defined());
}

TEST_CASE("diamonds and variables used many times", "[engine]") {
  const Variable x = leaf({3});
  SECTION("a diamond") {
    const Variable a = x * x, b = scaled(a, 2), c = a * x;  // 2 x^2 + x^3
    backward(sum(b + c));
    CHECK(grad(x) == std::vector<double>{4 * 3 + 3 * 9});
  }
  SECTION("a deep ladder of diamonds doubles at each step, and is walked once") {
    Variable y = x;
    for (int i = 0; i < 60; ++i) y = y + y;
    backward(y);
    CHECK(grad(x) == std::vector<double>{std::pow(2.0, 60)});
  }
  SECTION("a thousand uses") {
    Variable y = x;
    for (int i = 1; i < 1000; ++i) y = y + x;
    backward(y);
    CHECK(grad(x) == std::vector<double>{1000});
  }
  SECTION("the same variable as both inputs, and as the root") {
    backward(x * x);
    CHECK(grad(x) == std::vector<double>{6});
    backward(x, Tensor::from<float>({5}));
    CHECK(grad(x) == std::vector<double>{11});
  }
}

TEST_CASE("gradients of two leaves never share memory, with each other or with the cotangent", "[engine]") {
  Variable a = leaf({1, 2}), b = leaf({3, 4});
  const Tensor cotangent = Tensor::from<float>({1, 1});
  // The rule hands the same tensor to both.
  Variable y =
      record("both", a.value(), {a, b, a}, [](const Tensor& dy, Gradients& dx) { dx[0] = dx[1] = dx[2] = dy; });
  y.retain_grad();
  backward(y, cotangent);
  CHECK(grad(a) == std::vector<double>{2, 2});
  CHECK(grad(b) == std::vector<double>{1, 1});
  for (const Variable& v : {a, b, y}) {
    CHECK(!v.grad().shares_memory_with(cotangent));
    CHECK(v.grad().is_unique());
  }
  a.mutable_grad().mutable_values<float>()[0] = 100;
  CHECK(grad(b) == std::vector<double>{1, 1});
  backward(record("saved", b.value(), {b}, [value = b.value()](const Tensor&, Gradients& dx) { dx[0] = value; }),
           cotangent);
  CHECK(!b.grad().shares_memory_with(b.value()));
}

TEST_CASE("adding up gradients does not change those that others hold", "[engine]") {
  const Variable x = leaf({1, 2});
  Variable a = scaled(x, 2), b = scaled(x, 3);
  a.retain_grad();
  b.retain_grad();
  Tensor seen;  // what a rule kept of its dy
  const Variable c = with_rule(a, [&seen](const Tensor& dy, Gradients& dx) { dx[0] = seen = dy; });
  backward(sum(c + a + b + a));
  CHECK(seen.to_doubles() == std::vector<double>{1, 1});
  CHECK(grad(a) == std::vector<double>{3, 3});
  CHECK(grad(b) == std::vector<double>{1, 1});
  CHECK(grad(x) == std::vector<double>{9, 9});
}

TEST_CASE("backward checks its root and its cotangent", "[engine]") {
  const Variable x = leaf({1, 2}), y = x * x;
  CHECK_THAT(refusal<ShapeError>([&] { backward(y); }), Contains("a root [2] needs a cotangent"));
  CHECK_THROWS_AS(backward(y, Tensor::zeros({3})), ShapeError);
  CHECK_THROWS_AS(backward(y, Tensor::zeros({2}, DType::f64)), DTypeError);
  CHECK_THROWS_AS(backward(Variable()), ValueError);
  const Variable empty(Tensor::zeros({0, 3}), true);
  backward(sum(empty));
  CHECK(empty.grad().shape() == Shape{0, 3});
}

TEST_CASE("a loss that is not finite stops backward and names what made it", "[engine]") {
  Variable x = leaf({1, 2});
  for (const float bad : {kInf, -kInf, std::nanf("")}) {
    Variable y = sum(scaled(x, bad));
    const auto thrown = [&]() -> NonFiniteError {
      try {
        backward(y);
      } catch (const NonFiniteError& error) {
        return error;
      }
      return {"nothing", ""};
    };
    CHECK(thrown().what_is == "loss");
    CHECK(thrown().layer == "sum");
    CHECK_THAT(thrown().what(), Contains("non-finite loss in sum"));
    CHECK_THAT(thrown().at_step(12).what(), Contains("at step 12"));
    y.set_name("classifier loss");
    CHECK(thrown().layer == "classifier loss");
    CHECK(!x.grad().defined());
  }
  CHECK_THAT(refusal<NonFiniteError>([] { backward(leaf({kInf})); }), Contains("loss in an unnamed variable"));
}

TEST_CASE("a gradient that is not finite names the layer and the expert, and no gradient is changed", "[engine]") {
  Variable other = leaf({1, 1, 1, 1, 1, 1});
  other.set_name("bias");
  for (const int64_t at : {0, 3, 5}) {
    Variable weight(Tensor::zeros({3, 2}), true);
    weight.set_name("experts.0.weight");
    weight.set_part_name("expert");
    const Variable y = record("layer", Tensor::zeros({3, 2}), {other, weight}, [at](const Tensor& dy, Gradients& dx) {
      dx[0] = dy.reshape({6});
      dx[1] = dy.clone();
      dx[1].mutable_values<float>()[static_cast<size_t>(at)] = at == 3 ? std::nanf("") : kInf;
    });
    try {
      backward(sum(y));
      FAIL_CHECK("nothing was thrown");
    } catch (const NonFiniteError& error) {
      CHECK(error.what_is == "gradient");
      CHECK(error.layer == "experts.0.weight");
      CHECK(error.part == NonFiniteError::Part{"expert", at / 2});
      CHECK_THAT(error.what(), Contains("gradient in experts.0.weight, expert " + std::to_string(at / 2)));
    }
    CHECK(!other.grad().defined());
    CHECK(!weight.grad().defined());
  }
}

TEST_CASE("variables check how they are used", "[engine]") {
  Variable x = leaf({1, 2});
  Variable y = x * x;
  CHECK_THAT(refusal<GraphError>([&] { y.mutable_value(); }), Contains("made by mul"));
  CHECK_THROWS_AS(y.set_value(Tensor::zeros({2})), GraphError);
  CHECK_THROWS_AS(y.set_requires_grad(false), GraphError);
  CHECK_THROWS_AS(x.set_value(Tensor::zeros({3})), ShapeError);
  CHECK_THROWS_AS(x.set_value(Tensor::zeros({2}, DType::f64)), DTypeError);
  CHECK_THROWS_AS(x.set_value(Tensor()), ValueError);
  CHECK_THROWS_AS(Variable(Tensor()), ValueError);
  CHECK_THROWS_AS(Variable(Tensor::zeros({2}, DType::i64), true), DTypeError);
  CHECK_THROWS_AS(Variable(Tensor::scalar(1)).set_part_name("expert"), ShapeError);
  CHECK(x.parts() == 0);
  x.set_part_name("expert");
  CHECK(x.parts() == 2);
  CHECK_THROWS_AS(Variable().value(), ValueError);
  x.set_requires_grad(false);
  CHECK(!(x * x).requires_grad());
}

}  // namespace divvy::test
