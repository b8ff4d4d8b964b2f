#include "nn/rows.h"

#include "autograd/ops/binary.h"
#include "autograd/ops/rows.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/unary.h"
#include "nn/activation.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "tests/support/layer_case.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using nn::Rows;

constexpr int64_t kWidth = 3;

std::shared_ptr<nn::Linear> square(int64_t experts, Generator& generator) {
  return std::make_shared<nn::Linear>(
      nn::LinearOptions{.in = kWidth, .out = kWidth, .experts = experts, .dtype = DType::f64}, generator);
}

/// An expert in the way that one writes it down.
struct TwoLayers : nn::Module {
  std::shared_ptr<nn::Linear> a, b;
  TwoLayers(int64_t experts, Generator& generator)
      : a(register_module("a", square(experts, generator))), b(register_module("b", square(experts, generator))) {}
  Rows forward(const Rows& x) override { return (*b)(relu((*a)(x))); }
};

/// Half of it decides how much of the other half gets through.
struct Gated : nn::Module {
  std::shared_ptr<nn::Linear> value, gate;
  Gated(int64_t experts, Generator& generator)
      : value(register_module("value", square(experts, generator))),
        gate(register_module("gate", square(experts, generator))) {}
  Rows forward(const Rows& x) override { return (*value)(x)*sigmoid((*gate)(x)) + 0.5 * x; }
};

/// As many rows as samples, in another order and with some of them twice: no size tells that they were gathered twice.
std::vector<Segments> treacherous_segments() {
  const auto indices = [](std::initializer_list<int64_t> values) { return Tensor::from<int64_t>(values); };
  return {{indices({0, 2, 2, 6}), indices({5, 0, 3, 1, 4, 2})},
          {indices({0, 3, 5, 6}), indices({1, 1, 2, 4, 0, 0})},
          {indices({0, 0, 6, 6}), indices({5, 4, 3, 2, 1, 0})}};
}

Variable batch_of(int64_t rows) { return Variable(random_tensor({rows, kWidth}, 5)); }

}  // namespace

TEST_CASE("an expert of two layers gathers its rows once", "[rows][device]") {
  Generator generator(1);
  const Tensor x = random_tensor({6, kWidth}, 2);
  for (const Segments& segments : treacherous_segments()) {
    TwoLayers two(3, generator);
    check_stacked(
        two, [&] { return std::make_shared<TwoLayers>(0, generator); }, x, segments);
    check_gradients(two, x, segments);
    Gated gated(3, generator);
    check_stacked(
        gated, [&] { return std::make_shared<Gated>(0, generator); }, x, segments);
    check_gradients(gated, x, segments);
    // The mistake that these tests are to see: the rows of the second layer read through the sample again.
    const Variable y = two({Variable(x), segments}).values();
    const Variable inner = relu((*two.a)({Variable(x), segments})).values();
    CHECK(difference((*two.b)({inner, segments}).values().value(), y.value(), 1e-3, 1e-3) != "");
  }
}

TEST_CASE("layers called one by one are the same as in a Sequential", "[rows]") {
  Generator generator(3);
  TwoLayers two(3, generator);
  const auto net = nn::sequential(two.a, std::make_shared<nn::ReLU>(), two.b);
  for (const Segments& segments : treacherous_segments()) {
    const Rows x(batch_of(6), segments);
    CHECK(same_bits(two(x).values().value(), (*net)(x).values().value()));
  }
}

TEST_CASE("rows are in place once they were read", "[rows]") {
  const Segments segments = treacherous_segments()[1];
  const Variable batch = batch_of(6);
  const Rows x(batch, segments);
  CHECK(x.size() == 6);
  CHECK(x.divided());
  CHECK_FALSE(x.in_place());
  CHECK(same_bits(x.values().value(), gather_rows(batch, segments.sample).value()));
  const Rows y = x.with(x.values());
  CHECK(y.in_place());
  CHECK(same_bits(y.values().value(), x.values().value()));
  CHECK(same_bits(y.with(y.values()).values().value(), x.values().value()));
  CHECK(same_bits(y.segments().offsets, segments.offsets));

  const Rows whole = batch;
  CHECK(whole.size() == 6);
  CHECK(whole.in_place());
  CHECK_FALSE(whole.divided());
  CHECK(whole.values().is(batch));
}

TEST_CASE("functions of rows are those of their values, and keep the division", "[rows]") {
  const Segments segments = treacherous_segments()[0];
  const Rows x(batch_of(6), segments), y = x.map([](const Variable&v) { return v + 3.0; });
  const Variable v = x.values(), w = y.values();
  const std::vector<std::pair<Rows, Variable>> results{{relu(x), relu(v)},
                                                       {sigmoid(x), sigmoid(v)},
                                                       {tanh(x), tanh(v)},
                                                       {gelu(x), gelu(v)},
                                                       {softplus(x), softplus(v)},
                                                       {exp(x), exp(v)},
                                                       {square(x), square(v)},
                                                       {softmax(x, 2), softmax(v, 2)},
                                                       {log_softmax(x), log_softmax(v)},
                                                       {-x, -v},
                                                       {x + y, v + w},
                                                       {x - y, v - w},
                                                       {x * y, v * w},
                                                       {x / y, v / w},
                                                       {x + 2.0, v + 2.0},
                                                       {x - 2.0, v - 2.0},
                                                       {x * 2.0, v * 2.0},
                                                       {x / 2.0, v / 2.0},
                                                       {2.0 + x, 2.0 + v},
                                                       {2.0 - x, 2.0 - v},
                                                       {2.0 * x, 2.0 * v},
                                                       {2.0 / y, 2.0 / w}};
  for (const auto& [rows, expected] : results) {
    CHECK(same_bits(rows.values().value(), expected.value()));
    CHECK(rows.in_place());
    CHECK(same_bits(rows.segments().offsets, segments.offsets));
  }
}

TEST_CASE("rows refuse what does not belong to them", "[rows]") {
  const Segments segments = treacherous_segments()[0];
  const Variable batch = batch_of(6);
  const Rows x(batch, segments);
  CHECK_THAT(refusal<ValueError>([] { Rows{Variable()}; }), Contains("the batch is undefined"));
  CHECK_THAT(refusal<ShapeError>([&] { x.with(batch_of(5)); }), Contains("[5, 3] cannot take the place of 6 rows"));
  CHECK_THROWS_AS(x.with(Variable(Tensor::scalar(1, DType::f64))), ShapeError);
  CHECK_THROWS_AS(Rows(Variable(Tensor::scalar(1)), segments), ShapeError);
  CHECK_THAT(refusal<ValueError>([&] { Rows(batch_of(5), segments); }), Contains("rows: segments.sample"));
  CHECK_THAT(refusal<ValueError>([&] {
               Rows(batch, {Tensor::from<int64_t>({0, 4, 2, 6}), {}});
             }),
             Contains("rows: segments.offsets decrease"));
  const Rows other(batch, treacherous_segments()[0]);  // the same numbers in another tensor
  CHECK_THAT(refusal<ValueError>([&] { x* other; }),
             Contains("mul: the rows are divided in two ways, [6, 3] among 3 experts"));
  CHECK_THAT(refusal<ValueError>([&] { x + Rows(batch); }), Contains("and [6, 3] undivided"));
}

}  // namespace divvy::test
