#include "autograd/ops/where.h"

#include <random>

#include "autograd/ops/reduce.h"
#include "autograd/ops/unary.h"
#include "tensor/error.h"
#include "tests/support/broadcast.h"
#include "tests/support/devices.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

Tensor random_mask(const Shape& shape, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint8_t> values(static_cast<size_t>(shape.numel()));
  for (uint8_t& value : values) value = static_cast<uint8_t>(random() % 2 == 0 ? 0 : random() % 255 + 1);
  return Tensor::from(values, shape);
}

Tensor naive_where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast_shapes("naive", condition.shape(), broadcast_shapes("naive", a.shape(), b.shape()));
  const auto mask = broadcast_values(condition, shape), u = broadcast_values(a, shape), v = broadcast_values(b, shape);
  std::vector<double> values;
  for (size_t i = 0; i < mask.size(); ++i) values.push_back(mask[i] != 0 ? u[i] : v[i]);
  return Tensor::from(values, shape);
}

}  // namespace

TEST_CASE("where", "[op]") {
  OpCase result;
  const std::tuple<Shape, Shape, Shape> cases[] = {
      {{}, {}, {}},
      {{1}, {1}, {1}},
      {{0}, {0}, {0}},
      {{0, 3}, {3}, {1}},
      {{5}, {5}, {5}},
      {{5}, {}, {5}},
      {{5}, {5}, {}},
      {{5}, {}, {}},
      {{}, {5}, {5}},
      {{}, {4, 5}, {5}},
      {{4, 5}, {4, 5}, {4, 5}},
      {{4, 5}, {5}, {4, 1}},
      {{4, 1}, {4, 5}, {4, 5}},
      {{4, 1}, {5}, {}},
      {{5}, {4, 1}, {4, 5}},
      {{4, 1}, {1, 5}, {1, 1}},
      {{3, 1}, {2, 1, 4}, {3, 4}},
      {{2, 3, 4}, {3, 1}, {2, 1, 1}},
      {{130, 300}, {130, 300}, {}},
      {{130, 1}, {300}, {130, 300}},
  };
  uint64_t seed = 1;
  for (const auto& [c, a, b] : cases) {
    const Tensor condition = random_mask(c, seed++);
    result.samples.push_back({fmt::format("{} of {} and {}", c, a, b),
                              {random_tensor(a, seed + 1), random_tensor(b, seed + 2)},
                              [=](const auto& in) { return where(condition.to(in[0].device()), in[0], in[1]); },
                              [=](const auto& in) { return naive_where(condition, in[0], in[1]); }});
    seed += 2;
  }
  const Variable x(Tensor::zeros({2, 3}));
  const Tensor mask = Tensor::zeros({2, 3}, DType::u8);
  result.errors = {
      refuses<ShapeError>(
          "operands that do not fit", [=] { where(mask, x, Variable(Tensor::zeros({2}))); }, "[2, 3] and [2]"),
      refuses<ShapeError>(
          "a condition that does not fit", [=] { where(Tensor::zeros({4}, DType::u8), x, x); }, "[4] and"),
      refuses<DTypeError>(
          "a floating condition", [=] { where(x.value(), x, x); }, "condition must be u8, got f32"),
      refuses<DTypeError>(
          "two types", [=] { where(mask, x, Variable(Tensor::zeros({3}, DType::f64))); }, "f32, got f64"),
      refuses<ValueError>(
          "no condition", [=] { where(Tensor(), x, x); }, "condition is undefined"),
      refuses<ValueError>(
          "no variable", [=] { where(mask, x, Variable()); }, "undefined"),
  };
  check(result);
}

TEST_CASE("where keeps what was not taken out of value and gradient") {
  const Tensor mask = Tensor::from<uint8_t>({1, 0, 1});
  const Variable a(Tensor::from({1., std::nan(""), 3.}), true),
      b(Tensor::from({INFINITY * 1., 2., -INFINITY * 1.}), true);
  const Variable y = where(mask, a, b);
  CHECK(same_bits(y.value(), Tensor::from({1., 2., 3.})));
  backward(y, Tensor::from({5., 6., 7.}));
  CHECK(same_bits(a.grad(), Tensor::from({5., 0., 7.})));
  CHECK(same_bits(b.grad(), Tensor::from({0., 6., 0.})));
}

TEST_CASE("the gradient of where is 0 for what was not taken, up to a derivative that is not finite") {
  const Tensor mask = Tensor::from<uint8_t>({1, 0, 1, 0});
  const auto gradient = [&](const auto& f) {
    const Variable x(Tensor::from({1., 0., 4., -1.}), true);
    backward(sum(f(x)));
    return x.grad();
  };
  const Variable zero(Tensor::zeros({}, DType::f64)), one(Tensor::full({}, 1, DType::f64));
  // Where log is not taken, it is -inf at 0, with an infinite derivative, and NaN at -1.
  CHECK_THROWS_AS(gradient([&](const Variable& x) { return where(mask, log(x), zero); }), NonFiniteError);
  const Tensor careful = gradient([&](const Variable& x) { return where(mask, log(where(mask, x, one)), zero); });
  CHECK(same_bits(careful, Tensor::from({1., 0., 0.25, 0.})));
  // A NaN that is broadcast, and never taken.
  const Variable a(Tensor::from({1., 2., 3., 4.}), true), b(Tensor::from({std::nan("")}), true);
  backward(where(Tensor::full({4}, 1, DType::u8), a, b), Tensor::from({5., 6., 7., 8.}));
  CHECK(same_bits(a.grad(), Tensor::from({5., 6., 7., 8.})));
  CHECK(same_bits(b.grad(), Tensor::from({0.})));
}

TEST_CASE("where takes every element type", "[device]") {
  for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::i32, DType::i64, DType::u8}) {
    for (const Device device : available_devices()) {
      const Variable y =
          where(Tensor::from<uint8_t>({1, 0, 2}).to(device), Variable(Tensor::full({3}, 7, dtype, device)),
                Variable(Tensor::full({1}, 9, dtype, device)));
      CHECK(y.dtype() == dtype);
      CHECK(y.value().to_doubles() == std::vector<double>{7, 9, 7});
    }
  }
}

}  // namespace divvy::test
